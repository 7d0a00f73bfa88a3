"""A TOML file as text and as tables, or what is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from formreader.errors import TemplateError

LARGEST_BYTES: Final = 10_000_000  # a form of a hundred pages with six hundred boxes each has five


def read_toml(path: Path, content: bytes | None = None) -> tuple[str, dict[str, Any]]:
    """Read a file of people's own, as text and as its tables.

    Parameters
    ----------
    content
        What the file is going to hold; it is not read then.

    Raises
    ------
    TemplateError
        It cannot be read, is far too large, or is no TOML in UTF-8.
    """
    try:
        if content is None:
            if path.stat().st_size > LARGEST_BYTES:
                most = f"{LARGEST_BYTES // 1_000_000} MB"
                raise TemplateError(f"{path}: larger than {most}, as no form is; is it the right file?")
            content = path.read_bytes()
        text = content.decode("utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: the text is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{path}: no valid TOML: {error}; put that place right") from error
    except RecursionError as error:
        raise TemplateError(f"{path}: lists lie in lists too deeply; is it the right file?") from error


def mistakes(name: str, problems: Sequence[str]) -> TemplateError:
    """Make an error of all that is wrong with a file, each thing with its place."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return TemplateError("\n  ".join([f"{name}: {count}", *problems]), tuple(problems))
