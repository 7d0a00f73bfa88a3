"""Codes on a page are read, kept with it, and can do no harm whatever they say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray
from zxingcpp import BarcodeFormat, BarcodeFormats, create_barcode, read_barcodes, write_barcode_to_image

from formreader.codes import CUT, LONGEST_TEXT, has_codes, read_codes, read_region, told_by_codes, without_codes
from formreader.errors import NoMatch
from formreader.export import read_results, write_tables
from formreader.model import DigitModel, default_model_path, load_model
from formreader.pipeline import read_page
from formreader.printed import PrintedCode, as_text
from formreader.store import open_batch, open_results
from formreader.template import Template, load_template, save_template
from formreader.values import AlignedPage, Box, Code, Grey, Match, Page, PageReading, PageRef
from tests.drawing import Wear, draw_mild, meter_card, wear

DPI = 200
SERIAL = Code("qr", "FORM-12;serial=000123456")
ARTICLE = Code("ean_13", "4006381333931")

_LEFT = ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"]
_PARITY = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"]


def qr(text: str, module_px: int) -> Grey:
    picture = cv2.QRCodeEncoder.create().encode(text)
    return np.asarray(cv2.resize(picture, None, fx=module_px, fy=module_px, interpolation=cv2.INTER_NEAREST), np.uint8)


def ean13(number: str, module_px: int, height: int) -> Grey:
    """Draw a barcode by the standard's tables (ISO/IEC 15420), its quiet zones included."""
    first, left, right = int(number[0]), number[1:7], number[7:]
    turned = ["".join("10"[int(bit)] for bit in bits) for bits in _LEFT]
    coded = [
        _LEFT[int(digit)] if kind == "L" else turned[int(digit)][::-1]
        for digit, kind in zip(left, _PARITY[first], strict=True)
    ]
    bars = "0" * 11 + "101" + "".join(coded) + "01010" + "".join(turned[int(d)] for d in right) + "101" + "0" * 11
    row = np.repeat([255 * (bar == "0") for bar in bars], module_px).astype(np.uint8)
    return np.tile(row, (height, 1))


def with_picture(page: Grey, picture: Grey, x: int, y: int) -> Grey:
    pasted = page.copy()
    pasted[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return pasted


@cache
def plain() -> Grey:
    return meter_card(DPI).picture


@cache
def coded() -> Grey:
    """Print both codes on a card, right of its boxes: modules of 0.6 and 0.4 mm."""
    page = with_picture(plain(), qr(SERIAL.text, 5), 1400, 600)
    return with_picture(page, ean13(ARTICLE.text, 3, 100), 1260, 320)


@pytest.mark.parametrize(
    "how",
    [Wear(), draw_mild(np.random.default_rng(1), DPI), *(Wear(quarter_turns=n, skew_degrees=2) for n in (1, 2, 3))],
)
def test_codes_are_read_in_any_direction(how: Wear) -> None:
    scan = wear(coded(), DPI, how, np.random.default_rng(2))
    assert set(read_codes(scan.pixels)) == {SERIAL, ARTICLE}


def test_a_form_s_boxes_and_print_are_no_codes() -> None:
    assert read_codes(plain()) == ()
    assert read_codes(np.full((300, 300), 255, np.uint8)) == ()
    assert read_codes(np.random.default_rng(1).integers(0, 256, (400, 300), dtype=np.uint8)) == ()


def test_a_code_printed_twice_is_told_once() -> None:
    page = with_picture(coded(), qr(SERIAL.text, 5), 60, 900)
    assert [code for code in read_codes(page) if code.kind == "qr"] == [SERIAL]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\nb\t\x00c\x1b[31m", "a b c [31m"),
        ("invoice\u202egpj.exe", "invoice gpj.exe"),
        ("  \r\n ", None),
        ("7" * 700, "7" * (LONGEST_TEXT - len(CUT)) + CUT),
        ("=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1"),
    ],
)
def test_texts_are_kept_short_and_printable(monkeypatch: pytest.MonkeyPatch, text: str, kept: str | None) -> None:
    (first, *_) = read_barcodes(coded(), BarcodeFormats([BarcodeFormat.QRCode]))
    seen = SimpleNamespace(format=BarcodeFormat.QRCode, text=text, position=first.position)
    monkeypatch.setattr(zxingcpp, "read_barcodes", lambda *_, **__: [seen])
    assert read_codes(plain()) == (() if kept is None else (Code("qr", kept),))


def printed(kind: str, text: str, module_px: int) -> Grey:
    """Draw a code of any kind on white paper."""
    drawn = np.array(write_barcode_to_image(create_barcode(text, getattr(BarcodeFormat, kind)), scale=1))
    tall = 1 if kind in ("QRCode", "DataMatrix", "PDF417", "Aztec") else max(1, 40 // len(drawn))
    large = np.kron(drawn, np.ones((tall * module_px, module_px), np.uint8))
    return np.pad(large, 20 * module_px, constant_values=255)


KINDS = {
    "QRCode": "formreader/1/visit/2/000123",
    "DataMatrix": "SN=000123456",
    "PDF417": "visit 000123456",
    "Aztec": "000123456",
    "EAN13": "4006381333931",
    "EAN8": "96385074",
    "UPCA": "036000291452",
    "Code128": "AB-1234567",
    "Code93": "AB1234567",
    "Code39": "AB1234567",
    "ITF": "12345678901234",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_code_is_read_as_it_is_printed(kind: str) -> None:
    for seed, dpi in enumerate((300, 200, 150)):
        rng = np.random.default_rng(seed)
        scan = wear(printed(kind, KINDS[kind], 5), 300, draw_mild(rng, dpi), rng)
        assert [code.text for code in read_codes(scan.pixels)] == [KINDS[kind]]


def test_a_region_does_not_take_its_neighbour_s_code_for_its_own() -> None:
    """Of two stickers one below the other, the second is missing, or both are there."""
    page = np.full((900, 900), 255, np.uint8)
    page = with_picture(page, ean13(ARTICLE.text, 4, 120), 150, 150)

    def read(pixels: Grey, top: int) -> tuple[str, str]:
        aligned = AlignedPage(PageRef(Path("a")), pixels, None, np.eye(3), Match(1.0, "reference"))
        corners = np.array([[100, top], [700, top], [700, top + 200], [100, top + 200]], np.float64)
        code = read_region(aligned, Box("code", 1, corners, (0, 0), kind="barcode"))
        return code.text, code.reason

    assert read(page, 100) == (ARTICLE.text, "")
    assert read(page, 250) == (ARTICLE.text, "unsure_code")
    both = with_picture(page, ean13("5901234123457", 4, 120), 150, 290)
    assert (read(both, 100), read(both, 250)) == ((ARTICLE.text, ""), ("5901234123457", ""))


# --- when they are looked for ----------------------------------------------------------------------------------------


def card(reference: NDArray[np.uint8], *, wanted: bool | None = None) -> Template:
    return replace(meter_card(DPI).template(), reference=reference, codes=wanted)


def test_a_form_is_searched_if_its_picture_has_a_code_or_it_says_so() -> None:
    assert has_codes(card(coded()))
    assert not has_codes(card(plain()))
    assert has_codes(card(plain(), wanted=True))
    assert not has_codes(card(coded(), wanted=False))
    assert not has_codes(replace(card(plain()), reference=None, markers=None))


def test_the_template_s_key_is_read_and_written(tmp_path: Path) -> None:
    for wanted in (True, False, None):
        save_template(card(plain(), wanted=wanted), tmp_path / "card.toml")
        assert load_template(tmp_path / "card.toml").codes is wanted
        assert ("codes" in (tmp_path / "card.toml").read_text("utf-8")) is (wanted is not None)


def test_a_page_s_codes_come_with_its_reading() -> None:
    model: DigitModel = load_model(default_model_path())
    scan = wear(
        with_picture(coded(), qr("FORM-12;serial=7", 5), 1400, 600), DPI, Wear(skew_degrees=1), np.random.default_rng(1)
    )
    page = Page(PageRef(Path("a.png")), np.asarray(scan.pixels, np.uint8), None, DPI)
    assert set(read_page(page, card(coded()), model).codes) == {Code("qr", "FORM-12;serial=7"), ARTICLE}
    assert read_page(page, card(coded(), wanted=False), model).codes == ()


# --- where they are kept ---------------------------------------------------------------------------------------------


def store(folder: Path, *found: tuple[Code, ...]) -> None:
    refs = [PageRef(folder / f"{n}.png", 1, f"{n}.png", f"{n}" * 64) for n in range(len(found))]
    with open_batch(folder / "out", templates=(), model_fingerprint="m", model_name="m", settings={}) as batch:
        batch.pending(refs)
        for ref, of_page in zip(refs, found, strict=True):
            batch.add(PageReading(ref, "card", Match(1.0, "none"), (), (), codes=of_page))
    write_tables(folder / "out")


def test_codes_have_a_table_of_their_own_where_there_are_any(tmp_path: Path) -> None:
    store(tmp_path, (SERIAL, Code("qr", "=1+1")), (), (ARTICLE,))
    with open_results(tmp_path / "out") as results:
        assert [page.codes for page in results.pages()] == [(SERIAL, Code("qr", "=1+1")), (), (ARTICLE,)]
    rows = read_results(tmp_path / "out" / "codes.csv").to_numpy().tolist()
    assert rows == [
        ["0.png", "1", "qr", SERIAL.text],
        ["0.png", "1", "qr", "=1+1"],
        ["2.png", "1", "ean_13", ARTICLE.text],
    ]
    assert ",'=1+1\n" in (tmp_path / "out" / "codes.csv").read_text("utf-8")
    assert list(read_results(tmp_path / "out" / "results.csv").columns) == ["scan", "page", "status", "review"]


def test_without_codes_there_is_no_table_of_them(tmp_path: Path) -> None:
    store(tmp_path, ())
    assert not (tmp_path / "out" / "codes.csv").exists()


def test_a_printed_page_s_own_code_says_which_page_of_which_form_it_is() -> None:
    templates = [
        Template(name, 100, 100, 72.0, (), page=page, pages=pages)
        for name, page, pages in (("visit#1", 1, 2), ("visit#2", 2, 2), ("card", 1, 1))
    ]

    def told(*codes: PrintedCode) -> list[str]:
        read = [Code("qr", as_text(code)) for code in codes]
        return [one.name for one in told_by_codes(PageRef(Path("a.png")), read, templates)]

    assert told(PrintedCode("visit", 2, "7")) == ["visit#2"]
    assert told(PrintedCode("card", 1, "")) == ["card"]
    assert told() == told(PrintedCode("unknown", 1, "7")) == ["visit#1", "visit#2", "card"]
    assert told(PrintedCode("visit", 2, "7"), PrintedCode("card", 1, "")) == ["visit#2", "card"]
    with pytest.raises(NoMatch, match=r"a\.png: its QR code says page 3 of the form 'visit'"):
        told(PrintedCode("visit", 3, "7"))


def test_a_code_that_the_blank_form_lacks_is_taken_away_for_the_match() -> None:
    page = np.full((800, 600), 240, np.uint8)
    code = qr("formreader/1/visit/1/0001", 6)
    page[100 : 100 + len(code), 300 : 300 + len(code)] = code
    page[600:650, 50:300] = 0
    clean = without_codes(page)
    assert read_codes(page)
    assert not read_codes(clean)
    assert (clean[90 : 110 + len(code), 290 : 310 + len(code)] > 200).all()
    clean[90 : 110 + len(code), 290 : 310 + len(code)] = page[90 : 110 + len(code), 290 : 310 + len(code)]
    np.testing.assert_array_equal(clean, page)
