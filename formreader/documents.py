"""Pages that need nothing beside them: HTML without script that fetches nothing, its pictures within it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, style: str, body: str) -> str:
    """Give a whole page; the title is escaped, style and body are taken as they are."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}</body>
</html>
"""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Give a table, every cell escaped; `kind` is its class in the style."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    named = f' class="{kind}"' if kind else ""
    return f'<div class="wide"><table{named}><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def image(content: bytes, text: str, kind: Literal["png", "jpeg"]) -> str:
    """Give a picture as HTML that holds it."""
    return f'<img alt="{escape(text)}" src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'


def figure_of(png: bytes, caption: str) -> str:
    """Give a plot with its caption."""
    return f"<figure>{image(png, caption, 'png')}<figcaption>{escape(caption)}</figcaption></figure>\n"


def png_of(figure: Figure) -> bytes:
    """Draw a plot on a canvas of its own: pyplot would keep state, and look for a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
