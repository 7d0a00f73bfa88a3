"""Which scans are found, and that each is either decoded right or refused: never read half."""

from __future__ import annotations

import functools
import http.server
import io
import os
import pickle
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from formreader.errors import LockedPdf, NoScans, PageError, ScanTooLarge, UnreadableScan, UnusableCall
from formreader.pictures.headers import read_header
from formreader.places import place
from formreader.scans import find_scans, fingerprint, identified, load_page, save_picture
from formreader.values import Page, PageRef

HEIGHT, WIDTH = 120, 200


def drawn() -> NDArray[np.uint8]:
    """White paper with a black bar near its top left corner: every turn and mirroring of it looks different."""
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    page[10:30, 10:80] = 0
    return page


def coloured() -> NDArray[np.uint8]:
    """Blue, green, red: the same bar in pure red."""
    page = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    page[10:30, 10:80] = (0, 0, 255)
    return page


def encoded(picture: NDArray[np.generic] | Image.Image, kind: str, *, mode: str = "", **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def loaded(folder: Path, content: bytes, page: int = 1, name: str = "scan") -> Page:
    path = folder / name
    path.write_bytes(content)
    return load_page(PageRef(path, page, name))


def assert_shows(page: Page, expected: NDArray[np.uint8], tolerance: int = 12) -> None:
    assert page.pixels.dtype == np.uint8
    assert page.pixels.shape == expected.shape
    difference = np.abs(page.pixels.astype(int) - expected)
    assert np.median(difference) <= 1
    assert (difference > tolerance).mean() < 0.02  # JPEG rings along the bar's edges


# --- finding ---------------------------------------------------------------------------------------------------------


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_a_folder_gives_its_scans_in_natural_order_with_names_below_it(tmp_path: Path) -> None:
    ordered = ["7.png", "010.png", "page1.webp", "page2.jpg", "page10.PNG", "sub9/a.png", "sub/b 1.Tiff", "sub/ä.pdf"]
    touch(tmp_path, *sorted(ordered))
    found = find_scans([tmp_path])
    assert [ref.name for ref in found.pages] == ordered
    assert all(ref.page == 1 and ref.path.is_file() for ref in found.pages)


def test_other_files_are_counted_and_clutter_is_not(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "notes.txt", "sub/list.xlsx", ".hidden.png", ".git/x.png", "Thumbs.db", "desktop.ini")
    touch(tmp_path, "__MACOSX/a.png")
    found = find_scans([tmp_path])
    assert [ref.name for ref in found.pages] == ["a.png"]
    assert found.ignored == ("notes.txt", "sub/list.xlsx")


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_pipes_and_devices_are_no_scans_that_reading_would_wait_for(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    found = find_scans([tmp_path, tmp_path / "pipe.png"])
    assert [ref.name for ref in found.pages] == ["a.png"]
    assert len(found.ignored) == 2
    with pytest.raises(NoScans):
        find_scans([tmp_path / "pipe.png"])


def test_link_to_nowhere_is_named_as_the_user_knows_it(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (ref,) = find_scans([tmp_path]).pages
    with pytest.raises(UnreadableScan, match=r"^gone\.png: cannot be read"):
        identified(ref)


def test_a_file_that_is_named_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    touch(tmp_path, "scan.dat", "a.png")
    found = find_scans([tmp_path / "scan.dat", tmp_path])
    assert [ref.name for ref in found.pages] == ["a.png", "scan.dat"]
    assert found.ignored == ()


def test_names_are_relative_to_the_common_parent_of_the_inputs(tmp_path: Path) -> None:
    touch(tmp_path, "x/a/1.png", "x/b/2.png", "x/3.png")
    assert [ref.name for ref in find_scans([tmp_path / "x/a/1.png"]).pages] == ["1.png"]
    assert [ref.name for ref in find_scans([tmp_path / "x/b", tmp_path / "x/a"]).pages] == ["a/1.png", "b/2.png"]
    assert [ref.name for ref in find_scans([tmp_path / "x/3.png", tmp_path / "x/a"]).pages] == ["3.png", "a/1.png"]


def test_a_file_reached_twice_is_listed_once_and_link_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "a" / "1.png")
    found = find_scans([tmp_path / "a", tmp_path / "a" / "1.png", tmp_path])
    assert len(found.pages) == 1


def test_pictures_in_a_results_folder_are_no_scans(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "results/batch.sqlite", "results/failed/1.png")
    assert [ref.name for ref in find_scans([tmp_path]).pages] == ["1.png"]


def test_nothing_found_says_where_it_looked(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(NoScans, match=r"no scan there \(files of other kinds: 1\)"):
        find_scans([tmp_path])
    with pytest.raises(NoScans, match=r"absent: no such file or folder"):
        find_scans([tmp_path, tmp_path / "absent"])


def test_every_page_of_a_tiff_and_a_pdf_is_listed(tmp_path: Path) -> None:
    first, second = Image.fromarray(drawn()), Image.fromarray(drawn()[::-1].copy())
    (tmp_path / "b.tif").write_bytes(encoded(first, "TIFF", save_all=True, append_images=[second, second]))
    (tmp_path / "a.pdf").write_bytes(encoded(first, "PDF", save_all=True, append_images=[second]))
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "d.tif").write_bytes(b"")
    assert [str(ref) for ref in find_scans([tmp_path]).pages] == [
        "a.pdf", "a.pdf#2", "b.tif", "b.tif#2", "b.tif#3", "c.pdf", "d.tif",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6, unique=True))
@settings(max_examples=25, deadline=None)
def test_numbers_in_names_count_as_numbers(tmp_path_factory: pytest.TempPathFactory, numbers: list[int]) -> None:
    folder = tmp_path_factory.mktemp("scans")
    touch(folder, *(f"p{number}.png" for number in numbers))
    assert [ref.name for ref in find_scans([folder]).pages] == [f"p{number}.png" for number in sorted(numbers)]


def test_a_fingerprint_is_of_the_bytes_not_the_name(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (identified(PageRef(tmp_path / name)).sha256 for name in "abc")
    assert first == same == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    assert other != first
    (tmp_path / "a").write_bytes(b"longer than before")
    assert fingerprint(tmp_path / "a") != first


# --- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "L", {}),
        ("PNG", "1", {}),
        ("PNG", "P", {}),
        ("JPEG", "L", {"quality": 92}),
        ("JPEG", "RGB", {"quality": 92}),
        ("JPEG", "RGB", {"quality": 92, "progressive": True}),
        ("JPEG", "CMYK", {"quality": 92}),
        ("BMP", "L", {}),
        ("BMP", "1", {}),
        ("BMP", "RGB", {}),
        ("WEBP", "L", {"lossless": True}),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "1", {"compression": "group4", "tiffinfo": {262: 0}}),
        ("TIFF", "L", {"tiffinfo": {262: 0}}),
        ("TIFF", "L", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "jpeg"}),
        ("TIFF", "P", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "1", {"compression": "group3"}),
        ("TIFF", "1", {"compression": "packbits"}),
        ("TIFF", "1", {"compression": "group4", "tiffinfo": {266: 2}}),
        ("TIFF", "L", {"compression": "jpeg"}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "LA", {}),
        ("PNG", "LA", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("PDF", "L", {}),
        ("PDF", "1", {}),
        ("PDF", "RGB", {}),
    ],
)
def test_a_grey_page_comes_out_grey_whatever_the_format(
    tmp_path: Path, kind: str, mode: str, options: dict[str, Any]
) -> None:
    page = loaded(tmp_path, encoded(drawn(), kind, mode=mode, **options), name="scän mit Leerzeichen")
    assert_shows(page, drawn())
    assert page.colour is None


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "JPEG", "WEBP", "PDF"])
def test_a_colour_page_keeps_its_colour_original(tmp_path: Path, kind: str) -> None:
    rgb = np.ascontiguousarray(coloured()[:, :, ::-1])
    page = loaded(tmp_path, encoded(rgb, kind, quality=95))
    assert page.colour is not None
    assert page.colour[20, 40].astype(int) == pytest.approx([0, 0, 255], abs=12)
    assert_shows(page, cv2.cvtColor(coloured(), cv2.COLOR_BGR2GRAY).astype(np.uint8))


def test_one_coloured_pixel_makes_a_colour_page(tmp_path: Path) -> None:
    rgb = np.dstack([drawn()] * 3)
    rgb[77, 33] = (250, 200, 200)
    assert loaded(tmp_path, encoded(rgb, "PNG")).colour is not None


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(tmp_path: Path, kind: str) -> None:
    deep = Image.fromarray(drawn().astype(np.uint16) * 257)
    assert_shows(loaded(tmp_path, encoded(deep, kind)), drawn())


def test_sixteen_bits_with_white_as_zero_become_eight(tmp_path: Path) -> None:
    deep = Image.fromarray((255 - drawn()).astype(np.uint16) * 257)
    assert_shows(loaded(tmp_path, encoded(deep, "TIFF", tiffinfo={262: 0})), drawn())


@pytest.mark.parametrize("kind", ["PNG", "MPO"])
def test_of_a_moving_picture_the_first_is_taken(tmp_path: Path, kind: str) -> None:
    first, second = (Image.fromarray(np.dstack([pixels] * 3)) for pixels in (drawn(), np.flipud(drawn())))
    content = encoded(first, kind, save_all=True, append_images=[second])
    assert_shows(loaded(tmp_path, content, name="a.jpg"), drawn())
    assert len(find_scans([tmp_path]).pages) == 1


@pytest.mark.parametrize(("kind", "ending"), [("PNG", ".jpg"), ("JPEG", ".pdf"), ("PDF", ".png"), ("TIFF", ".webp")])
def test_a_wrong_ending_misleads_nobody(tmp_path: Path, kind: str, ending: str) -> None:
    pages = [Image.fromarray(drawn()), Image.fromarray(np.flipud(drawn()))]
    many: dict[str, Any] = {"save_all": True, "append_images": pages[1:]} if kind in ("TIFF", "PDF") else {}
    assert_shows(loaded(tmp_path, encoded(pages[0], kind, **many), name=f"a{ending}"), drawn())
    assert len(find_scans([tmp_path]).pages) == 1 + len(many.get("append_images", []))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_means_white_paper(tmp_path: Path, kind: str) -> None:
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    ink[:, :, 3] = 255 - drawn()
    assert_shows(loaded(tmp_path, encoded(ink, kind, lossless=True)), drawn())


TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.T,
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).T,
    8: lambda upright: np.rot90(upright, -1),
}
"""How a page was laid on the glass, by the EXIF number that undoes it."""


@pytest.mark.parametrize("orientation", TURNS)
def test_the_file_is_turned_as_it_says(tmp_path: Path, orientation: int) -> None:
    stored = np.ascontiguousarray(TURNS[orientation](drawn()))
    exif = Image.Exif()
    exif[274] = orientation
    assert_shows(loaded(tmp_path, encoded(stored, "JPEG", exif=exif, quality=92)), drawn())
    assert_shows(loaded(tmp_path, encoded(stored, "TIFF", tiffinfo={274: orientation})), drawn())
    for kind in ("PNG", "WEBP"):
        assert_shows(loaded(tmp_path, encoded(stored, kind, exif=exif, lossless=True)), drawn())
        ink = np.zeros((*stored.shape, 4), np.uint8)
        ink[:, :, 3] = 255 - stored
        assert_shows(loaded(tmp_path, encoded(ink, kind, exif=exif, lossless=True)), drawn())


@pytest.mark.parametrize("orientation", [0, 9, 40_000])
def test_a_turn_that_does_not_exist_is_none(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    assert_shows(loaded(tmp_path, encoded(drawn(), "JPEG", exif=exif, quality=92)), drawn())


@pytest.mark.parametrize("order", ["II", "MM"])
def test_each_page_of_a_tiff_is_its_own_and_previews_do_not_count(tmp_path: Path, order: str) -> None:
    pages = [(drawn(), 0), (np.ascontiguousarray(drawn()[:60, :100]), 1), (np.flipud(drawn()).copy(), 0)]
    content = tiff(pages, order)
    (tmp_path / "two.tif").write_bytes(content)
    assert len(find_scans([tmp_path]).pages) == 2
    assert_shows(loaded(tmp_path, content, page=1), drawn())
    assert_shows(loaded(tmp_path, content, page=2), np.flipud(drawn()))
    with pytest.raises(UnreadableScan):
        loaded(tmp_path, content, page=3)


def tiff(pages: list[tuple[NDArray[np.uint8], int]], order: str) -> bytes:
    """Write an uncompressed TIFF by hand: (pixels, subfile kind) a page."""
    mark = "<" if order == "II" else ">"
    content = order.encode() + struct.pack(mark + "HI", 42, 8)
    for index, (pixels, kind) in enumerate(pages):
        height, width = pixels.shape
        size = 2 + 10 * 12 + 4
        strip, following = len(content) + size, len(content) + size + pixels.size + pixels.size % 2
        entries = [
            (254, 4, kind), (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1),
            (273, 4, strip), (277, 3, 1), (278, 4, height), (279, 4, pixels.size),
        ]  # fmt: skip
        content += struct.pack(mark + "H", len(entries))
        for tag, form, value in entries:
            content += struct.pack(mark + ("HHIHH" if form == 3 else "HHII"), tag, form, 1, value, *[0] * (form == 3))
        content += struct.pack(mark + "I", following if index + 1 < len(pages) else 0)
        content += pixels.tobytes() + bytes(pixels.size % 2)
    return content


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {"dpi": (200, 200)}),
        ("JPEG", {"dpi": (200, 200)}),
        ("BMP", {"dpi": (200, 200)}),
        ("TIFF", {"dpi": (200, 200)}),
        ("TIFF", {"tiffinfo": {282: 200 / 2.54, 283: 200 / 2.54, 296: 3}}),
        ("PDF", {"resolution": 200}),
    ],
)
def test_the_resolution_is_taken_from_the_file(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    page = loaded(tmp_path, encoded(np.full((700, 900), 255, np.uint8), kind, **options))
    assert page.dpi == pytest.approx(200, rel=0.005)


def test_the_resolution_may_stand_in_exif_alone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 240.0, 240.0, 2
    assert loaded(tmp_path, encoded(np.full((700, 900), 255, np.uint8), "JPEG", exif=exif)).dpi == pytest.approx(240)


@pytest.mark.parametrize("dpi", [(1, 1), (30, 30), (5000, 5000), (204, 98)])
def test_a_resolution_no_scanner_has_is_not_believed(tmp_path: Path, dpi: tuple[int, int]) -> None:
    assert loaded(tmp_path, encoded(drawn(), "JPEG", dpi=dpi)).dpi is None


def test_seventy_two_dpi_on_a_large_scan_is_not_believed(tmp_path: Path) -> None:
    large = np.full((3508, 2480), 255, np.uint8)
    assert loaded(tmp_path, encoded(large, "PNG", dpi=(72, 72))).dpi is None
    assert loaded(tmp_path, encoded(large, "PNG", dpi=(300, 300))).dpi == pytest.approx(300, abs=0.1)


@pytest.mark.parametrize("dpi", [72, 96])
@pytest.mark.parametrize("size", [(2480, 3508), (3024, 4032), (1654, 2339), (1240, 1754), (1200, 1600)])
def test_a_screen_s_resolution_on_a_scan_or_photo_is_not_believed(
    tmp_path: Path, dpi: int, size: tuple[int, int]
) -> None:
    scan = Image.new("1", size, 1)
    assert loaded(tmp_path, encoded(scan, "PNG", dpi=(dpi, dpi))).dpi is None


@pytest.mark.parametrize("dpi", [72, 96, 100, 300, 600])
@pytest.mark.parametrize("paper_in", [(8.27, 11.69), (5.83, 8.27), (3.9, 5.8)])
def test_a_resolution_that_makes_usual_paper_is_believed(
    tmp_path: Path, dpi: int, paper_in: tuple[float, float]
) -> None:
    scan = Image.new("1", (round(paper_in[0] * dpi), round(paper_in[1] * dpi)), 1)
    assert loaded(tmp_path, encoded(scan, "PNG", dpi=(dpi, dpi))).dpi == pytest.approx(dpi, abs=0.1)


def test_a_picture_scaled_down_after_scanning_has_no_resolution(tmp_path: Path) -> None:
    assert loaded(tmp_path, encoded(Image.new("1", (827, 1169), 1), "PNG", dpi=(600, 600))).dpi is None


def test_a_saved_picture_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "käse 1.png"
    save_picture(path, coloured())
    page = load_page(PageRef(path))
    assert page.colour is not None
    np.testing.assert_array_equal(page.colour, coloured())


# --- HEIC ------------------------------------------------------------------------------------------------------------

HEIC_HEAD = b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heicmiaf"


def heic(picture: NDArray[np.uint8], **options: Any) -> bytes:
    """Encode a photo as a telephone does; needs an encoder that only tests have."""
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.register_heif_opener()
    Image.fromarray(picture).save(buffer, "HEIF", quality=95, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.slow
def test_a_heic_photo_is_turned_once_though_it_says_so_twice(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    stored = np.dstack([TURNS[orientation](drawn())] * 3)
    assert_shows(loaded(tmp_path, heic(stored, exif=exif.tobytes()), name="a.heic"), drawn())
    assert [ref.name for ref in find_scans([tmp_path]).pages] == ["a.heic"]


def test_a_heic_photo_keeps_its_colour_and_may_be_grey(tmp_path: Path) -> None:
    page = loaded(tmp_path, heic(np.ascontiguousarray(coloured()[:, :, ::-1])))
    assert page.colour is not None
    assert page.colour[20, 40].astype(int) == pytest.approx([0, 0, 255], abs=12)
    assert_shows(loaded(tmp_path, heic(drawn())), drawn())


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_a_heic_photo_that_breaks_off_is_refused(tmp_path: Path, share: float) -> None:
    content = heic(noise())
    with pytest.raises(UnreadableScan, match=r"^scan: .+; .+"):
        loaded(tmp_path, content[: int(len(content) * share)])


def test_a_huge_heic_photo_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = heic(np.dstack([drawn()] * 3))
    pi_heif = pytest.importorskip("pi_heif")
    monkeypatch.setattr(pi_heif.HeifImage, "load", lambda _: pytest.fail("it was decoded"))
    monkeypatch.setattr("formreader.pictures.MAX_PIXELS", 20_000)
    with pytest.raises(ScanTooLarge, match="200 x 120 pixels"):
        loaded(tmp_path, content)


def test_without_the_extra_a_heic_photo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(UnreadableScan, match=r"^photo\.heic: .+pip install 'formreader\[heic\]'"):
        loaded(tmp_path, HEIC_HEAD + bytes(500), name="photo.heic")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"GIF89a" + bytes(50), "a GIF file"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "an AVIF file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 file"),
        (b"PK\x03\x04" + bytes(50), "a ZIP or office file"),
    ],
)
def test_what_is_known_but_not_read_is_called_by_its_name(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(UnreadableScan, match=rf"^scan: {what}, .+save it as PNG or PDF"):
        loaded(tmp_path, content)


# --- PDF -------------------------------------------------------------------------------------------------------------

WHOLE = b"q %d 0 0 %d 0 0 cm /I Do Q" % (WIDTH, HEIGHT)


def pdf(content: bytes, *, page: bytes = b"", box: tuple[float, float] = (WIDTH, HEIGHT), **picture: Any) -> bytes:
    """Write a PDF page by hand: `content` draws picture /I (the bar) on a page of WIDTH x HEIGHT points."""
    data = zlib.compress(picture.get("pixels", drawn()).tobytes())
    keys = picture.get("keys", b"/ColorSpace/DeviceGray/BitsPerComponent 8")
    width, height = picture.get("size", (WIDTH, HEIGHT))
    mask = zlib.compress((255 - drawn()).tobytes())
    stream = b"<<%s/Filter/FlateDecode/Length %d>>stream\n%s\nendstream"
    shape = b"/Type/XObject/Subtype/Image/Width %d/Height %d" % (width, height)
    fonts = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    resources = b"/Resources<</XObject<</I 5 0 R>>" + fonts + b">>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %f %f]" % box + page + resources + b"/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        stream % (shape + bytes(keys), len(data), data),
        stream % (shape + b"/ColorSpace/DeviceGray/BitsPerComponent 8", len(mask), mask),
    ]
    out, places = b"%PDF-1.5\n", []
    for number, thing in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, thing)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"xref\n0 7\n0000000000 65535 f \n%strailer<</Size 7/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF"
    return out + trailer % (table, bytes(picture.get("trailer", b"")), len(out))


def rendered(content: bytes, scale: float) -> NDArray[np.uint8]:
    """Render the first page as a viewer shows it, in grey."""
    document = pypdfium2.PdfDocument(content)
    shown = document[0].render(scale=scale).to_numpy()
    grey = np.asarray(cv2.cvtColor(shown[:, :, :3], cv2.COLOR_BGR2GRAY), np.uint8)
    document.close()
    return grey


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "matrix",
    [
        (WIDTH, 0, 0, HEIGHT, 0, 0),
        (-WIDTH, 0, 0, HEIGHT, WIDTH, 0),
        (WIDTH, 0, 0, -HEIGHT, 0, HEIGHT),
        (-WIDTH, 0, 0, -HEIGHT, WIDTH, HEIGHT),
        (0, WIDTH, HEIGHT, 0, 0, 0),
        (0, -WIDTH, HEIGHT, 0, 0, WIDTH),
        (0, WIDTH, -HEIGHT, 0, HEIGHT, 0),
        (0, -WIDTH, -HEIGHT, 0, HEIGHT, WIDTH),
    ],
)
def test_an_embedded_picture_is_turned_and_mirrored_as_a_viewer_shows_it(
    tmp_path: Path, rotate: int, matrix: tuple[int, ...]
) -> None:
    lies = matrix[0] == 0
    content = pdf(
        b"q %d %d %d %d %d %d cm /I Do Q" % matrix,
        page=b"/Rotate %d" % rotate,
        box=(HEIGHT, WIDTH) if lies else (WIDTH, HEIGHT),
    )
    page = loaded(tmp_path, content)
    assert sorted(page.pixels.shape) == [HEIGHT, WIDTH]  # the picture's own pixels, not a rendering at 300 dpi
    assert_shows(page, rendered(content, scale=1))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (WHOLE + b" BT 3 Tr /F 12 Tf 10 50 Td (recognized) Tj ET", {}),
        (b"q 0 0 200 120 re W n " + WHOLE + b" Q", {}),
        (WHOLE, {"keys": b"/ColorSpace/DeviceGray/BitsPerComponent 8/Decode[1 0]", "pixels": 255 - drawn()}),
        (
            WHOLE,
            {"keys": b"/ColorSpace[/Indexed/DeviceRGB 1<000000ffffff>]/BitsPerComponent 8", "pixels": drawn() // 255},
        ),
        (WHOLE, {"keys": b"/ColorSpace/DeviceGray/BitsPerComponent 1", "pixels": np.packbits(drawn() > 0, axis=1)}),
    ],
)
def test_a_page_that_is_one_picture_gives_that_picture(
    tmp_path: Path, content: bytes, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    page = loaded(tmp_path, pdf(content, **options))
    np.testing.assert_array_equal(page.pixels, drawn())
    assert page.dpi == pytest.approx(72)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (WHOLE + b" BT /F 40 Tf 20 50 Td (12345) Tj ET", {}),
        (WHOLE + b" 20 20 60 30 re f", {}),
        (b"q 0 0 100 120 re W n " + WHOLE + b" Q", {}),
        (b"q 200 20 -20 120 0 0 cm /I Do Q", {}),
        (b"q 20 0 0 12 50 50 cm /I Do Q", {}),
        (b"q 200 0 0 90 0 0 cm /I Do Q", {}),
        (WHOLE, {"keys": b"/ImageMask true/BitsPerComponent 1", "pixels": np.packbits(drawn() > 0, axis=1)}),
        (WHOLE, {"keys": b"/ColorSpace/DeviceGray/BitsPerComponent 8/SMask 6 0 R", "pixels": drawn() * 0}),
        (WHOLE, {"page": b"/Annots[<</Type/Annot/Subtype/Square/Rect[50 20 150 60]/C[0 0 0]/F 4/BS<</W 9>>>>]"}),
    ],
)
def test_a_page_that_shows_more_or_less_than_one_picture_is_rendered(
    tmp_path: Path, content: bytes, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    made = pdf(content, **options)
    page = loaded(tmp_path, made)
    assert page.dpi == 300
    assert_shows(page, rendered(made, scale=300 / 72), tolerance=40)
    assert capfd.readouterr().err == ""


def test_several_pictures_on_a_page_are_one_page(tmp_path: Path) -> None:
    halves = b"q 100 0 0 120 0 0 cm /I Do Q q 100 0 0 120 100 0 cm /I Do Q"
    made = pdf(halves)
    assert_shows(loaded(tmp_path, made), rendered(made, scale=300 / 72), tolerance=40)


def test_a_page_with_a_point_for_each_pixel_is_drawn_at_its_pictures_size(tmp_path: Path) -> None:
    """Apps that know no resolution make posters of 2480 x 3508 points; text they recognize lies over the picture."""
    large = cv2.resize(drawn(), (2000, 1200), interpolation=cv2.INTER_NEAREST)
    content = b"q 2000 0 0 1200 0 0 cm /I Do Q BT /F 12 Tf 10 50 Td (seen) Tj ET"
    page = loaded(tmp_path, pdf(content, box=(2000, 1200), pixels=large, size=(2000, 1200)))
    assert page.pixels.shape == (1200, 2000)
    assert page.dpi is None


@pytest.mark.parametrize("shown", [b"", b" /Decode [1 0]", b" /Decode[ 1 0 ]"])
def test_a_jpeg_in_a_pdf_is_taken_in_the_tones_that_the_page_shows(tmp_path: Path, shown: bytes) -> None:
    made = encoded(drawn(), "PDF", quality=95).replace(b"/DCTDecode", b"/DCTDecode" + shown)
    assert_shows(loaded(tmp_path, made), 255 - drawn() if shown else drawn())


def test_a_locked_pdf_asks_for_a_copy_without_password(tmp_path: Path) -> None:
    locked = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (b"ab" * 32, b"cd" * 32)
    with pytest.raises(LockedPdf, match=r"^locked\.pdf: the PDF needs a password; save a copy without one$"):
        loaded(tmp_path, pdf(WHOLE, trailer=locked), name="locked.pdf")


def test_a_monstrous_pdf_page_is_refused_before_rendering(tmp_path: Path) -> None:
    with pytest.raises(ScanTooLarge):
        loaded(tmp_path, pdf(b"0 0 9 9 re f", box=(14_400, 14_400)))
    with pytest.raises(ScanTooLarge):
        loaded(tmp_path, pdf(WHOLE, size=(40_000, 40_000)))


# --- refusals --------------------------------------------------------------------------------------------------------


def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


WHOLE_FILES = {
    "PNG": encoded(noise(), "PNG"),
    "JPEG": encoded(noise(), "JPEG", exif=b"Exif\0\0" + encoded(noise(), "JPEG", quality=20)[:9000]),
    "progressive": encoded(noise(), "JPEG", progressive=True),
    "BMP": encoded(noise(), "BMP"),
    "TIFF": encoded(noise(), "TIFF"),
    "LZW": encoded(noise(), "TIFF", compression="tiff_lzw"),
    "WebP": encoded(noise(), "WEBP"),
    "PDF": encoded(noise(), "PDF"),
}


@pytest.mark.parametrize("kind", WHOLE_FILES)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_file_that_breaks_off_is_refused_never_read_half(
    tmp_path: Path, kind: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    content = WHOLE_FILES[kind]
    with pytest.raises(UnreadableScan, match=r"^scan: .+; .+"):
        loaded(tmp_path, content[: int(len(content) * share)])
    assert capfd.readouterr().err == ""


def test_a_jpeg_with_spoilt_data_is_refused_and_nothing_is_muttered(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(encoded(noise(), "JPEG"))
    middle = len(content) // 2
    content[middle:-2] = bytes(len(content) - middle - 2)
    with pytest.raises(UnreadableScan, match="damaged"):
        loaded(tmp_path, bytes(content))
    assert capfd.readouterr().err == ""


def test_harmless_mutterings_are_kept_from_the_user(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert_shows(loaded(tmp_path, encoded(drawn(), "PNG", icc_profile=b"rubbish")), drawn())
    assert capfd.readouterr().err == ""


def test_a_progress_bar_drawn_meanwhile_is_not_lost(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = cv2.imread

    def decode_while_others_write(*arguments: Any, **named: Any) -> Any:
        os.write(2, b"3 of 9 pages\n")
        return decode(*arguments, **named)

    monkeypatch.setattr(cv2, "imread", decode_while_others_write)
    loaded(tmp_path, encoded(drawn(), "PNG", icc_profile=b"rubbish"))
    assert capfd.readouterr().err == "3 of 9 pages\n"


@pytest.mark.parametrize(
    "content", [b"", b"Dear reader", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\xff", b"BM", b"%PDF-"]
)
def test_what_is_no_picture_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableScan, match=r"^x\.png: .+; .+"):
        loaded(tmp_path, content, name="x.png")


def test_a_folder_or_a_missing_file_is_refused_as_a_page(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    for name in ("x.png", "gone.png"):
        with pytest.raises(UnreadableScan, match=rf"{name}: .+; .+"):
            load_page(PageRef(tmp_path / name))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_a_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    rows = zlib.compress(bytes(5_001) * 100)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with pytest.raises(ScanTooLarge, match=r"^scan: 40,000 x 40,000 pixels, .+600 dpi"):
        loaded(tmp_path, bomb)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_a_picture_too_small_for_a_form_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnreadableScan, match="200 x 40 pixels are too few"):
        loaded(tmp_path, encoded(np.ascontiguousarray(drawn()[:40]), kind))


@given(st.sampled_from(sorted(WHOLE_FILES)), st.data())
@settings(max_examples=150, deadline=None)
def test_damage_anywhere_is_either_survived_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = bytearray(WHOLE_FILES[kind])
    at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 200))
    content[at : at + 8] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        page = loaded(tmp_path_factory.mktemp("damaged"), bytes(content))
    except PageError:
        return
    assert page.pixels.dtype == np.uint8
    assert page.pixels.ndim == 2


@given(st.binary(max_size=64), st.sampled_from([b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"BM", b"RIFF1234WEBP"]))
def test_a_header_of_rubbish_is_no_header(tail: bytes, start: bytes) -> None:
    header = read_header(start + tail)
    assert header is None or not header.is_complete or header.width * header.height >= 0


def test_a_file_that_is_another_than_was_fingerprinted_is_refused(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.png", np.full((300, 400), 200, np.uint8))
    ref = identified(PageRef(tmp_path / "a.png", 1, "a.png"))
    assert load_page(ref).pixels.max() == 200
    save_picture(tmp_path / "a.png", np.full((310, 400), 90, np.uint8))
    with pytest.raises(UnreadableScan, match="changed while it was read; run the same command again"):
        load_page(ref)


# --- scans behind an address ------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder on this machine alone, while a test runs."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_scans_behind_an_address_are_those_of_the_folder(served: tuple[Path, str]) -> None:
    folder, address = served
    (folder / "sub").mkdir()
    for name in ("page10.png", "page9.png", "sub/a.png", "notes.txt"):
        (folder / name).write_bytes(cv2.imencode(".png", np.full((300, 400), 200, np.uint8))[1].tobytes())
    Image.new("L", (300, 400), 220).save(folder / "two.tif", save_all=True, append_images=[Image.new("L", (300, 400))])
    found = find_scans([place(address)])
    assert [str(ref) for ref in found.pages] == ["page9.png", "page10.png", "sub/a.png", "two.tif", "two.tif#2"]
    assert found.ignored == ("notes.txt",)
    here = {ref.name: identified(ref).sha256 for ref in find_scans([folder]).pages}
    there = [identified(ref) for ref in found.pages]
    assert {ref.name: ref.sha256 for ref in there} == here
    assert all(ref.stamp for ref in there)
    assert load_page(pickle.loads(pickle.dumps(there[0]))).pixels.shape == (300, 400)
    assert load_page(there[4]).pixels.max() == 0
    assert [ref.name for ref in find_scans([place(f"{address}sub/a.png"), place(f"{address}page9.png")]).pages] == [
        "page9.png",
        "sub/a.png",
    ]


def test_an_address_that_does_not_answer_says_so(served: tuple[Path, str]) -> None:
    with pytest.raises(NoScans, match=r"http://127\.0\.0\.1:1/: "):
        find_scans([place("http://127.0.0.1:1/")])
    with pytest.raises(NoScans, match="absent: no such file or folder"):
        find_scans([place(f"{served[1]}absent")])
    with pytest.raises(UnusableCall, match=r"formreader\[remote\]"):
        place("nonsense://bucket/scans")
    gone = PageRef(place(f"{served[1]}gone.png"), 1, "gone.png")
    with pytest.raises(UnreadableScan, match=r"gone\.png: cannot be read"):
        load_page(gone)
    with pytest.raises(UnreadableScan, match=r"gone\.png: cannot be read"):
        identified(gone)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_a_scan_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"M\xfcller.jpg")
    path.write_bytes(cv2.imencode(".jpg", np.full((300, 200), 255, np.uint8))[1].tobytes())
    (ref,) = find_scans([tmp_path]).pages
    assert load_page(ref).pixels.shape == (300, 200)


def test_a_link_to_where_nobody_may_look_is_a_scan_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "closed", "closed.png"):
        (tmp_path / name).write_bytes(b"")
    looked = Path.stat

    def refused(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name.startswith("closed"):
            raise PermissionError(13, "Permission denied")
        return looked(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refused)
    pages = find_scans([tmp_path]).pages
    assert [ref.name for ref in pages] == ["a.png", "closed.png"]
    with pytest.raises(UnreadableScan, match="Permission denied"):
        identified(pages[1])
