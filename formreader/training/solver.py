"""Linear SVMs, one class against the rest, all classes at once.

The problem is `LinearSVC`'s (L2 penalty, squared hinge, the intercept penalized like a weight), solved in the primal by
Newton steps with conjugate gradients (Keerthi, DeCoste 2005), preconditioned by the curvature of all rows together.
liblinear takes the classes one after the other in double precision and copies the rows into lists; here each pass over
the rows serves all classes in one product of matrices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky

Matrix = NDArray[np.float32]

NEWTON_STEPS = 12
GRADIENT_STEPS = 12
CURVATURE_ROWS = 40_000
"""So many rows tell the curvature of all well enough."""
ACTIVE = 0.04
"""Share of the rows that lie within a class's margin, as seen near the end."""
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
    factor = _curvature(rows[:CURVATURE_ROWS], float(cost.sum()))
    if len(rows) > 4 * WARM_ROWS:
        few = slice(WARM_ROWS)
        weights = _descend(rows[few], sides[few], weights, cost[few] * np.float32(len(rows) / WARM_ROWS), goal, factor)
    return _descend(rows, sides, weights, cost, goal, factor)


def _curvature(rows: Matrix, cost: float) -> Matrix:
    """Factor the Hessian that there is where `ACTIVE` of the rows, any of them, lie within the margin."""
    curved = rows.T @ rows
    curved *= np.float32(2 * ACTIVE * cost / len(rows))
    curved[np.diag_indices_from(curved)] += 1
    factor: Matrix = cholesky(curved, lower=True, overwrite_a=True, check_finite=False)
    return factor


def _descend(rows: Matrix, sides: Matrix, weights: Matrix, cost: Matrix, goal: Matrix, factor: Matrix) -> Matrix:
    for _ in range(NEWTON_STEPS):
        gradient, margins = _gradient(rows, sides, weights, cost)
        if (np.linalg.norm(gradient, axis=0) <= goal).all():
            break
        step, moved = _newton(rows, gradient, sides * margins < 1, cost, factor)
        length = _line_search(weights, margins, step, moved, sides, cost)
        weights = weights + length * step
    return weights


def _gradient(rows: Matrix, sides: Matrix, weights: Matrix, cost: Matrix) -> tuple[Matrix, Matrix]:
    """Gradient (d, classes) and margins (n, classes)."""
    margins = rows @ weights
    lack = np.maximum(1 - sides * margins, 0) * sides
    return weights - 2 * (rows.T @ (cost * lack)), margins


def _newton(
    rows: Matrix, gradient: Matrix, active: NDArray[np.bool_], cost: Matrix, factor: Matrix
) -> tuple[Matrix, Matrix]:
    """Solve Hessian @ step = -gradient for each class by conjugate gradients; the step, and rows @ step."""
    step, moved = np.zeros_like(gradient), np.zeros(active.shape, np.float32)
    left = -gradient
    enough = np.float32(0.01) * np.square(left).sum(axis=0)
    stiff = 2 * cost * active
    along = np.zeros_like(left)
    size = np.ones(left.shape[1], np.float32)
    for _ in range(GRADIENT_STEPS):
        eased = cho_solve((factor, True), left, check_finite=False)
        new = (left * eased).sum(axis=0)
        along = eased + new / np.maximum(size, 1e-30) * along
        size = new
        seen = rows @ along
        curved = along + rows.T @ (stiff * seen)
        length = size / np.maximum((along * curved).sum(axis=0), 1e-30)
        step += length * along
        moved += length * seen
        left -= length * curved
        if (np.square(left).sum(axis=0) <= enough).all():
            break
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
