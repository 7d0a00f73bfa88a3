"""A fillable PDF written by hand: its form fields' names, places and kinds are known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple


class Entry(NamedTuple):
    """A form field: its place x, y, width, height in points from the page's top left, and its further keys."""

    name: str
    place: tuple[float, float, float, float]
    more: str


def comb(name: str, place: tuple[float, float, float, float], letters: int) -> Entry:
    """Give a text field of as many cells."""
    return Entry(name, place, f"/FT /Tx /Ff {1 << 24} /MaxLen {letters}")


def text(name: str, place: tuple[float, float, float, float]) -> Entry:
    """Give a text field."""
    return Entry(name, place, "/FT /Tx")


def tick(name: str, place: tuple[float, float, float, float], option: str) -> Entry:
    """Give a tick box; several of one name are one question's."""
    return Entry(name, place, f"/FT /Btn /AS /Off /AP << /N << /{option} 4 0 R /Off 4 0 R >> >>")


def fillable(entries: Sequence[Entry], printed: str = "", size: tuple[int, int] = (400, 300), turn: int = 0) -> bytes:
    """Write a PDF of one page.

    Parameters
    ----------
    printed
        Drawing operators, in points from the page's bottom left.
    turn
        Degrees by which the page is shown turned clockwise.
    """
    return fillable_pages([(entries, printed)], size, turn)


def fillable_pages(
    pages: Sequence[tuple[Sequence[Entry], str]], size: tuple[int, int] = (400, 300), turn: int = 0
) -> bytes:
    """Write a PDF of several pages, each of its form fields and what is printed on it."""
    width, height = size
    firsts = [5]  # 4 is the picture of all marks
    for entries, _ in pages:
        firsts.append(firsts[-1] + 2 + len(entries))
    refs = [[f"{first + 2 + k} 0 R" for k in range(len(one))] for first, (one, _) in zip(firsts, pages, strict=False)]
    kids = " ".join(f"{first} 0 R" for first in firsts[:-1])
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{' '.join(chain(*refs))}] >> >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /XObject /Subtype /Form /BBox [0 0 10 10] /Length 0 >>\nstream\n\nendstream",
    ]
    for first, own, (entries, printed) in zip(firsts, refs, pages, strict=False):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Rotate {turn} /Contents {first + 1} 0 R"
            f" /Resources << /Font << /F1 3 0 R >> >> /Annots [{' '.join(own)}] >>"
        )
        objects.append(f"<< /Length {len(printed)} >>\nstream\n{printed}\nendstream")
        for name, (x, y, wide, high), more in entries:
            place = f"[{x} {height - y - high} {x + wide} {height - y}]"
            objects.append(f"<< /Type /Annot /Subtype /Widget /T ({name}) /Rect {place} /F 4 {more} >>")
    content = b"%PDF-1.7\n"
    starts = []
    for number, one in enumerate(objects, start=1):
        starts.append(len(content))
        content += f"{number} 0 obj\n{one}\nendobj\n".encode("latin-1")
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    count = len(objects) + 1
    end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer << /Size {count} /Root 1 0 R >>\n"
    return content + f"{end}startxref\n{len(content)}\n%%EOF\n".encode()


def words(x: float, y: float, line: str) -> str:
    """Give what prints a line of text, in points from the page's bottom left."""
    return f"BT /F1 9 Tf {x} {y} Td ({line}) Tj ET\n"


def boxes(x: float, y: float, width: float, height: float, count: int, page_height: int = 300) -> str:
    """Give what prints a row of boxes that touch."""
    return "".join(f"{x + n * width} {page_height - y - height} {width} {height} re S\n" for n in range(count))
