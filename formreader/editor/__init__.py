"""The local page where a form's template is made: boxes found, named, moved and tried on real scans.

The browser holds the template as it is being edited and tells the server each change; the server checks it with the
code that will load it, keeps the draft, and writes the file when it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable

from formreader.editor.calls import ROUTES
from formreader.editor.opening import Opened, existing, found
from formreader.editor.state import Editing, Words
from formreader.served import Door, Site, application, listening, serve

__all__ = ["ROUTES", "Door", "Editing", "Opened", "edit", "existing", "found"]


def edit(opened: Opened, words: Words, *, port: int = 0, ready: Callable[[Door], None] = lambda _: None) -> bool:
    """Serve the editor until Ctrl-C or SIGTERM, to this machine alone.

    Parameters
    ----------
    words
        Says what a field holds, a line each.
    ready
        Is told where to open the page once it is served.

    Returns
    -------
    bool
        Whether all was saved; what was not is kept as a draft.

    Raises
    ------
    UnusableCall
        Nothing can listen there.
    """
    state = Editing(opened, words)
    with listening("127.0.0.1", port) as taken:
        door = Door("127.0.0.1", taken.getsockname()[1])
        serve(application(Site(state, ROUTES, "formreader.editor", user="you"), door), door, taken, ready)
    return not state.is_unsaved
