"""What all commands share: messages, and refusals before anything is done."""

from __future__ import annotations

import getpass
import json
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from formreader.errors import UnusableCall

if TYPE_CHECKING:
    from formreader.labels import TextReader

_JSON: Final = "formreader.json"
"""Where a click context keeps that messages are JSON."""


def say(text: str) -> None:
    """Tell the user something that is no result: on stderr."""
    typer.echo(text, err=True)


def say_refusal(refusal: UnusableCall, meta: Mapping[str, Any]) -> None:
    """Tell why a call cannot be carried out, in the way that the command was asked to speak."""
    say(json.dumps({"event": "error", "text": str(refusal)}) if meta.get(_JSON) else f"Error: {refusal}")


def speak_json(context: typer.Context) -> None:
    """Have refusals of the running command told as JSON."""
    context.meta[_JSON] = True


def need_opencv() -> None:
    """Load OpenCV, or say how it can be: its usual build wants a display's libraries, which slim servers lack."""
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise UnusableCall(
            f"OpenCV cannot be loaded ({error}). Where there is no display, take the build that needs none:\n"
            "  pip uninstall --yes opencv-python\n"
            "  pip install opencv-python-headless"
        ) from error


def label_reader(wanted: bool | None) -> TextReader | None:
    """Give what reads printed labels; None where they are not wanted, or it is left open and it is not installed.

    Raises
    ------
    UnusableCall
        They are wanted, and what reads them is not installed.
    """
    if wanted is False:
        return None
    from formreader.labels import is_installed, text_reader

    if is_installed():
        return text_reader()
    if wanted:
        raise UnusableCall("--labels: what reads print is not installed; pip install 'formreader[labels]'")
    return None


def refuse_overwriting(
    outputs: Sequence[Path], inputs: Sequence[Path], *, force: bool, kind: str = "template", option: str = "-o"
) -> None:
    """Refuse outputs that are inputs, or exist already and are not meant to be written over."""
    for path in outputs:
        if any(path.resolve() == given.resolve() for given in inputs):
            raise UnusableCall(f"{path}: is an input and would be overwritten; name another {kind} with {option}")
        if path.exists() and not force:
            raise UnusableCall(
                f"{path}: exists already; name another {kind} with {option}, or write over it with --force"
            )


def show_page(what: str, address: str, stop: str, *, browser: bool) -> None:
    """Say where a local page is and how it is stopped, and open it in the browser."""
    say(f"{what} at {address}")
    say(stop)
    if browser:
        with suppress(webbrowser.Error):
            webbrowser.open(address)


def login() -> str:
    """Give the name under which the person is logged in; empty where nobody can tell."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""
