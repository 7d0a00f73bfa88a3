"""Lay a form out on pages: two columns where fields fit, tables with their head on every page, markers, code and foot.

Imported by `printing` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from formreader.errors import UnusableCall
from formreader.printing.blocks import blocks_of, text_of
from formreader.printing.form import Asked, Form, Grid, Item, Words
from formreader.printing.grids import laid_grid
from formreader.printing.setting import Setter
from formreader.printing.sheets import (
    DEFAULT,
    FOOT,
    HEADING,
    NUMBER,
    PAPERS_MM,
    PLAIN,
    RUNNING,
    TITLE,
    Block,
    Layout,
    LayoutParams,
    Parts,
    Place,
    Rule,
    Sheet,
    Side,
    Style,
    Text,
)

DICTIONARY: Final = "5X5_100"
"""ArUco markers of 5 x 5 bits: in a hundred of them any two differ in 7 bits or more, so that wear makes no other."""
MOST_PAGES: Final = 25  # four markers each
_KEPT: Final = 22.0  # of a millimetre: what must follow a heading on its page
_PARAGRAPH: Final = 1.6
_AFTER_HEADER: Final = 5.0


def laid_out(form: Form, setter: Setter, modules: int, params: LayoutParams = DEFAULT) -> Layout:
    """Lay out a form.

    Parameters
    ----------
    modules
        Side of the largest QR code on it, without its quiet zone.

    Raises
    ------
    UnusableCall
        Something does not fit on the paper; the message names it.
    """
    flow = _Flow(form, setter, params, PAPERS_MM[form.paper], params.module * (modules + 2 * params.quiet_modules))
    flow.first_page()
    waiting: list[Block] = []
    for item in form.items:
        if item.new_page:
            flow.row(waiting)
            waiting = []
            flow.new_page()
        match item:
            case Asked():
                block = blocks_of(item, (flow.column, flow.width), setter, params)
                if waiting and (block.width > flow.column or len(waiting) == 2):
                    flow.row(waiting)
                    waiting = []
                waiting.append(block)
                if block.width > flow.column:
                    flow.row(waiting)
                    waiting = []
            case Words() | Grid():
                flow.row(waiting)
                waiting = []
                _lay_other(item, flow)
    flow.row(waiting)
    return flow.finished()


def _lay_other(item: Item, flow: _Flow) -> None:
    if isinstance(item, Words):
        flow.words(item)
    elif isinstance(item, Grid):
        flow.grid(item)


@dataclass(slots=True)
class _Flow:
    """Pages being filled from top to bottom."""

    form: Form
    setter: Setter
    params: LayoutParams
    paper: tuple[float, float]
    code_mm: float
    pages: list[Parts] = field(default_factory=list)
    y: float = 0.0
    top: float = 0.0

    @property
    def left(self) -> float:
        """Where what is printed begins."""
        return self.params.margin + self.params.inset

    @property
    def width(self) -> float:
        """How wide what is printed may be."""
        return self.paper[0] - 2 * self.left

    @property
    def column(self) -> float:
        """How wide one of two columns is."""
        return (self.width - self.params.gutter) / 2

    @property
    def bottom(self) -> float:
        """Where the foot begins."""
        return self.paper[1] - self.params.margin - self.params.marker - self.params.clear

    @property
    def side(self) -> Side:
        """Where lines begin."""
        return "right" if self.setter.rtl else "left"

    @property
    def code(self) -> Place:
        """The place of the QR code, its quiet zone included."""
        right = self.paper[0] - self.params.margin - self.params.marker - self.params.clear + self.quiet
        return right - self.code_mm, self.params.margin - self.quiet, self.code_mm, self.code_mm

    @property
    def quiet(self) -> float:
        """How much of the quiet zone may lie in the margin and beside the marker, which are white as well."""
        return self.params.quiet_modules * self.params.module / 2

    def put(self, parts: Parts, x: float, y: float) -> None:
        """Put parts on the page that is being filled."""
        self.pages[-1] = self.pages[-1] + parts.moved(x, y)

    def first_page(self) -> None:
        """Begin with the title beside the first marker and the instructions below it, left of the QR code."""
        self.pages.append(Parts())
        start = self.params.margin + self.params.marker + self.params.clear
        wide = self.code[0] - 2.0 - start
        title = text_of(self.form.title or self.form.name, TITLE, wide, self.setter, self.side)
        below = self.params.margin
        if title:
            lift = max((self.params.marker - title.place[3]) / 2, 0.0)
            self.put(Parts((title,)), start, self.params.margin + lift)
            below += lift + title.place[3]
        self.y = max(below + 2.0, start)
        for words in self.form.instructions:
            text = text_of(words, PLAIN, self.code[0] - 2.0 - self.left, self.setter, self.side)
            if text:
                self.put(Parts((text,)), self.left, self.y)
                self.y += text.place[3] + _PARAGRAPH
        self._begin(max(self.y, self.code[1] + self.code[3]) + 1.0)

    def new_page(self) -> None:
        """Begin another page, with the form's name at its top."""
        if len(self.pages) == MOST_PAGES:
            raise UnusableCall(f"the form takes more than {MOST_PAGES} pages; make two forms of it")
        self.pages.append(Parts())
        start = self.params.margin + self.params.marker + self.params.clear
        wide = self.code[0] - 2.0 - start
        title = text_of(self.form.title or self.form.name, RUNNING, wide, self.setter, self.side)
        below = self.params.margin
        if title:
            lift = max((self.params.marker - title.place[3]) / 2, 0.0)
            self.put(Parts((title,)), start, self.params.margin + lift)
            below += lift + title.place[3]
        self._begin(max(below + 2.0, start, self.code[1] + self.code[3]) + 1.0)

    def _begin(self, y: float) -> None:
        self.put(Parts(rules=(Rule(0.0, 0.0, self.width),)), self.left, y)
        self.y = self.top = y + _AFTER_HEADER
        if self.top > self.bottom - 20:
            raise UnusableCall("form: title and instructions leave no room for fields; make them shorter")

    def room_for(self, height: float, place: str) -> bool:
        """Say whether so much fits below what is there; another page is begun where it does not."""
        if self.y + height <= self.bottom + 1e-6:
            return True
        if self.y > self.top:
            self.new_page()
        if self.y + height > self.bottom + 1e-6:
            raise UnusableCall(
                f"{place}: it is {height:.0f} mm high, and the page has room for {self.bottom - self.top:.0f} mm; "
                "make it lower or its text shorter"
            )
        return False

    def row(self, blocks: list[Block]) -> None:
        """Set one or two blocks side by side, so that what is below their labels begins at one height."""
        if not blocks:
            return
        head = max(block.head for block in blocks)
        height = max(head - block.head + block.height for block in blocks)
        self.room_for(height, f"field '{blocks[0].parts.written[0].asked.name}'")
        for number, block in enumerate(blocks):
            right = bool(number) != self.setter.rtl and block.width <= self.column + 1e-6
            x = self.left + (self.width - block.width if right else 0.0)
            self.put(block.parts, x, self.y + head - block.head)
        self.y += height + self.params.under_block

    def words(self, item: Words) -> None:
        """Set a heading and paragraphs; a heading stays with what follows."""
        if item.heading:
            heading = text_of(item.heading, HEADING, self.width, self.setter, self.side)
            above = 2.0 if self.y > self.top else 0.0
            if heading:
                self.room_for(above + heading.place[3] + _KEPT, f"heading '{item.heading}'")
                self.y += above if self.y > self.top else 0.0
                self.put(Parts((heading,)), self.left, self.y)
                self.y += heading.place[3] + 2.0
        for words in item.paragraphs:
            text = text_of(words, PLAIN, self.width, self.setter, self.side)
            if text:
                self.room_for(text.place[3], "text")
                self.put(Parts((text,)), self.left, self.y)
                self.y += text.place[3] + _PARAGRAPH
        self.y += 1.0 if item.paragraphs else 0.0

    def grid(self, item: Grid) -> None:
        """Set a table, its head again on each page that it goes on."""
        if item.heading:
            self.words(Words(item.heading, ()))
        laid = laid_grid(item, self.width, self.setter, self.params)
        self.room_for(laid.head_mm + laid.rows[0][1], item.place)
        self._put_head(laid.head, laid.head_mm)
        for number, (parts, tall) in enumerate(laid.rows, 1):
            if not self.room_for(tall, f"{item.place}, row {number}"):
                self._put_head(laid.head, laid.head_mm)
                self.room_for(tall, f"{item.place}, row {number}")
            self.put(parts, self.left, self.y)
            self.y += tall
        self.y += self.params.under_block

    def _put_head(self, head: Parts, head_mm: float) -> None:
        self.put(head, self.left, self.y)
        self.y += head_mm

    def finished(self) -> Layout:
        """Give the pages with their markers, QR codes and feet."""
        size, far = self.params.marker, self.params.margin
        right, low = self.paper[0] - far - size, self.paper[1] - far - size
        marks = tuple((x, y, size, size) for x, y in ((far, far), (right, far), (right, low), (far, low)))
        sheets = []
        for number, parts in enumerate(self.pages):
            foot = self._foot(number + 1, low)
            ids = tuple(range(4 * number, 4 * number + 4))
            sheets.append(Sheet(parts + foot, marks, ids, self.code))
        return Layout(self.paper, tuple(sheets))

    def _foot(self, page: int, top: float) -> Parts:
        """Set the form's name, the page and the copy's number between the lower markers."""
        start = self.params.margin + self.params.marker + self.params.clear
        third = (self.paper[0] - 2 * start) / 3
        words = self.form.foot.replace("{page}", str(page)).replace("{pages}", str(len(self.pages)))
        name = _shortened(self.form.name.replace("{", "{{").replace("}", "}}"), FOOT, third - 2.0, self.setter)
        ends: tuple[Side, Side] = ("right", "left") if self.setter.rtl else ("left", "right")
        texts = []
        for place, (text, style, side) in enumerate(
            ((name, FOOT, ends[0]), (words, FOOT, "middle"), (self.form.number, NUMBER, ends[1]))
        ):
            at = 2 - place if self.setter.rtl else place
            if self.setter.most_width(text, style) > third:
                raise UnusableCall(f"form: '{text}' is too long for the foot of the page; make it shorter")
            y = top + (self.params.marker - style.line_mm) / 2
            texts.append(Text((start + at * third, y, third, style.line_mm), text, style, side))
        return Parts(tuple(texts))


def _shortened(words: str, style: Style, width: float, setter: Setter) -> str:
    """Cut words that are too wide for one line."""
    if setter.most_width(words, style) <= width:
        return words
    while words and setter.most_width(words + "…", style) > width:
        words = words[:-1]
    return words + "…"
