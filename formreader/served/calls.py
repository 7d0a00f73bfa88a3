"""What the browser asks and what it gets: calls checked before anything is done."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[int, Field(ge=0, le=2**62)]
"""Of a row, or a version; SQLite has none beyond."""

MOST_BYTES: Final = 262_144
"""Of what a call says; a confirmed screen of 200 boxes has 20,000."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the browser; one that is `fixed` never changes and may be kept by it."""

    content: bytes
    kind: Literal["webp", "jpeg", "png"]
    fixed: bool = False


def as_address(content: bytes) -> str:
    """Give a picture as an address that holds it; its first bytes say of which kind it is."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg" if content.startswith(b"\xff\xd8") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


class Refused(Exception):
    """The call cannot be carried out; the message tells the person why, the status the browser."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Asked(BaseModel):
    """What a call may say: nothing that is not named, nothing of another type, nothing endless."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=2_000)


class Nothing(Asked):
    """A call without anything to say."""


class Uploaded(Asked):
    """A call with a file: its body is the file's bytes."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """One call; where the page is of a kind that it is not of, it is refused.

    Attributes
    ----------
    method
        GET looks, POST does.
    path
        Below ``/api/``; it names the call and nothing else.
    asked
        What it may say: in the address of a GET, as JSON in a POST; of an `Uploaded`, in the address of a POST.
    answer
        Carries it out, for a person whose name is known; it runs in a thread of its own.
    of
        The kinds of page that have it: who keys blind, say, must not see what was read or decided.
    most_bytes
        That its body may have.
    """

    method: Literal["GET", "POST"]
    path: str
    asked: type[Asked]
    answer: Callable[[Any, str, Any], Any]
    of: tuple[str, ...] = ("usual",)
    most_bytes: int = MOST_BYTES
