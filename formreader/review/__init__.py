"""The local web page where people check what the program is not sure of.

The browser is given a page from the package and then talks to a few calls, each in the module of its screen. Whatever
is shown as saved is in the batch, on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from formreader.batch_forms import forms_of
from formreader.review import audit_keys, blind, decide, failed, fields, groups, standing, table
from formreader.review.serving import tables_kept
from formreader.review.state import USUAL, Mode, Review
from formreader.served import Door, Site, application, listening, refuse_open_door, serve
from formreader.served.calls import Route
from formreader.store import open_desk
from formreader.template import load_templates

__all__ = ["ROUTES", "Door", "Mode", "Review", "review"]

ROUTES: Final[tuple[Route, ...]] = (
    *standing.ROUTES,
    *groups.ROUTES,
    *fields.ROUTES,
    *decide.ROUTES,
    *failed.ROUTES,
    *table.ROUTES,
    *blind.ROUTES,
    *audit_keys.ROUTES,
)


def review(
    folder: Path,
    *,
    templates: Sequence[Path] = (),
    model: str = "",
    mode: Mode = USUAL,
    user: str = "",
    suggested: str = "",
    host: str = "127.0.0.1",
    port: int = 0,
    password: str = "",
    ready: Callable[[Door], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> bool:
    """Serve the review page of a batch until Ctrl-C or SIGTERM.

    Parameters
    ----------
    templates
        Those that the batch was read with, where they moved since.
    model
        The batch was read with, where it is none of those that ship: pages matched by hand are read with it.
    user
        Who decides; each person is asked where it is empty, and `suggested` offered.
    ready
        Is told where to open the page once it is served.
    say
        Is told what the person who started it should know.

    Returns
    -------
    bool
        Whether the batch's tables hold all that was decided; they cannot be written while another program has them.

    Raises
    ------
    UnusableCall
        There is no batch, a template is not the batch's, or nothing can listen at that address.
    """
    refuse_open_door(host, password)
    with open_desk(folder) as desk:
        forms = forms_of(desk.results, load_templates(templates))
        for note in forms.notes:
            say(note)
        state = Review(desk, forms, mode, model)
        if mode.kind == "usual":
            state.queue.start()
        if mode.second_key:
            state.second.left("")  # takes a second for 100,000 fields: before the first screen is waited for
        with listening(host, port) as taken:
            door = Door(host, taken.getsockname()[1], password=password)
            app = application(Site(state, ROUTES, "formreader.review", mode.kind, user, suggested), door)
            with tables_kept(state, folder, say):
                serve(app, door, taken, ready)
            return state.tables.due(0.0) is None
