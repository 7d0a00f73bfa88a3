"""Digits that people decided on scans: to learn from beside a data set, and some pages of them to judge by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formreader.errors import TrainingDataError
from formreader.training.pool import ADDED, BENT, Pool, RecipeParams
from formreader.training.wear import WearParams, wear
from formreader.values import Digits

HELD_IN: Final = 3
"""One page in so many is kept out of learning, to be judged on."""
LEAST_PAGES: Final = 2
"""With fewer pages to judge on, or to learn from, what one person writes would decide."""

LIGHT: Final = WearParams(
    elastic_px=0.4,
    turn_deg=6.0,
    shear=0.08,
    stretch=0.1,
    pen_share=0.5,
    residue_share=0.0,
    bite_share=0.0,
    coarse_share=0.0,
    blur_share=0.0,
    bit_share=0.0,
    speck_share=0.0,
    pen_steps=1,
)
"""Bent a little and with another pen, and no more: these digits come from scans and are worn already."""


@dataclass(frozen=True, slots=True, eq=False)
class AddedDigits:
    """Digits of people's decisions, row i of each array for digit i.

    Attributes
    ----------
    images, labels
        uint8 (n, 28, 28), ink 255, as reading cuts them, and what a person says they are, (n,), 0 to 9.
    pages
        (n,) text: fingerprint of the scan and its page; a page is one writer's.
    corrected
        (n,): whether something else than this digit had been read.
    batches
        What tells the batches apart that they come from.
    """

    images: Digits
    labels: NDArray[np.int64]
    pages: NDArray[np.str_]
    corrected: NDArray[np.bool_]
    batches: tuple[str, ...] = ()

    def part(self, rows: NDArray[Any]) -> AddedDigits:
        """Give some of the digits."""
        return AddedDigits(self.images[rows], self.labels[rows], self.pages[rows], self.corrected[rows], self.batches)

    @property
    def page_count(self) -> int:
        """How many pages they stand on."""
        return len(np.unique(self.pages))


def is_kept_out(page: str) -> bool:
    """Say whether a page is judged on: always the same ones, so that no later model has learnt from them either."""
    return int(hashlib.sha256(page.encode()).hexdigest()[:8], 16) % HELD_IN == 0


def parted(added: AddedDigits) -> tuple[AddedDigits, AddedDigits]:
    """Part digits by their pages into those to learn from and those to judge on.

    Raises
    ------
    TrainingDataError
        There are too few pages.
    """
    out = np.array([is_kept_out(page) for page in added.pages.tolist()], bool)
    learnt, kept = added.part(~out), added.part(out)
    if min(learnt.page_count, kept.page_count) < LEAST_PAGES:
        raise TrainingDataError(
            f"--add: people decided {len(added.labels)} digits on {added.page_count} pages, of which "
            f"{learnt.page_count} would be learnt from and {kept.page_count} kept out to judge by; {LEAST_PAGES} of "
            f"each are the least (one page in {HELD_IN} is kept out, by its content): have about "
            f"{2 * HELD_IN * LEAST_PAGES} pages reviewed"
        )
    return learnt, kept


def with_added(pool: Pool, added: AddedDigits, folds: int, seed: int, params: RecipeParams) -> Pool:
    """Put people's digits, each with lightly bent copies, into what is learnt from; a page stays in one fold."""
    fold = np.unique(added.pages, return_inverse=True)[1].reshape(-1) % folds
    rng = np.random.default_rng([seed, len(added.labels)])
    copies = [wear(added.images, rng, LIGHT) for _ in range(params.added)]
    count = len(added.labels)
    kinds = np.repeat([ADDED, BENT], [count, count * params.added])
    return Pool(
        np.concatenate([pool.digits, added.images, *copies]),
        np.concatenate([pool.labels, np.tile(added.labels, 1 + params.added)]),
        np.concatenate([pool.kinds, kinds]),
        np.concatenate([pool.folds, np.tile(fold, 1 + params.added)]),
    )
