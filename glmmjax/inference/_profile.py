"""Profiles of the log-likelihood: for each parameter the maxima over all others where it is held.

Every parameter, direction and member is a problem of its own, and all take their steps together: an
evaluation of all is one call of one program. A step solves the equations of a maximum under a
constraint with a quasi-Newton Hessian (Nocedal and Wright 2006, chapter 18); wherever the gradient
has become a multiple of the constraint's, the point is one of the profile, and the next held value
is Newton's for the signed root `zeta`, whose slope the multiple gives.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .._progress import Report, progress_bar
from ..fit import Fits
from ._quantities import Quantity, natural
from ._scale import scale_of
from ._surface import surfaces

_TURNS = 300
_AT_REST = 2e-3  # standard errors that a point is off the profile; its log-likelihood by the square
_AT_TARGET = 1e-4  # of zeta
_HIGHER = 1e-3  # log-likelihood above the maximum that is another one
_FARTHEST = 1e3  # standard errors, beyond which nothing is sought
_AT_BOUND = 1e-3  # of the distance from the estimate to a bound
_SHORTEST = 1e-4  # of a step
_FLAT = 1e-12  # least over largest eigenvalue of a quasi-Newton Hessian

HIGHER = "the log-likelihood is higher elsewhere: fit again from start=params of that point"
UNKNOWN = "the data say nothing of this parameter at the estimates"
LOST = "the profile could not be followed to this level"


class Trace(NamedTuple):
    """Points of one profile.

    Attributes:
        held: values of the parameter on its `Scale`, increasing, the estimate among them.
        zeta: signed roots of twice the loss in log-likelihood.
        ends: values where `zeta` has the last target, at either side; a bound if it never has; NaN
            if that could not be found.
        note: what is wrong, or "".
    """

    held: Float[np.ndarray, " points"]
    zeta: Float[np.ndarray, " points"]
    ends: Float[np.ndarray, "2"]
    note: str


def traces(
    fits: Fits, wanted: list[Quantity], targets: list[float], progress: bool | None = False
) -> dict[tuple[int, int], Trace]:
    """The profile of each wanted quantity of each member that ended well, by the numbers of both,
    from the estimate to where `zeta` has each of `targets` (increasing), at either side. A bar of
    `progress` counts both sides of each."""
    found = {}
    scales = [scale_of(fits.members.first, own) for own in wanted]
    total = 2 * len(wanted) * int(fits.ok.sum())
    with progress_bar(total, title="Profiles", shown=progress) as report:
        for surface in surfaces(fits):
            outcome = fits.outcome.of(surface.numbers)
            params = outcome.params
            best = np.concatenate([params.beta, *params.theta, params.phi], 1)
            walk = _Walk(fits.members.first, surface, scales, best, outcome.vcov, targets)
            walk.go(report)
            for member, number in enumerate(surface.numbers.tolist()):
                for k in range(len(wanted)):
                    found[number, k] = walk.trace(member, k)
    return found


class _State(NamedTuple):
    """Of every problem, its best point so far.

    Attributes:
        x: the point.
        loss, slope: maximum less the log-likelihood there, and its gradient.
        held, normal: the constrained parameter there, and its gradient.
        carry: see `Slopes`.
    """

    x: np.ndarray
    loss: np.ndarray
    slope: np.ndarray
    held: np.ndarray
    normal: np.ndarray
    carry: Any


class _Walk:
    """Problems (member, parameter, side), a row each: from the estimate outwards.

    Gradients are by standardised parameters, `x = best + root y`, in which the Hessian of the loss
    is about the identity.
    """

    def __init__(self, model, surface, scales, best, vcov, targets):
        self.model, self.surface, self.scales = model, surface, scales
        self.targets = np.asarray(targets)
        members, parameters = len(best), len(scales)
        problem = np.indices((members, parameters, 2)).reshape(3, -1)
        self.member, self.parameter, side = problem
        self.side = 2.0 * side - 1.0
        self.known = np.isfinite(vcov).all((1, 2))
        self.root = _roots(np.where(self.known[:, None, None], vcov, np.eye(best.shape[1])))
        count, size = len(side), best.shape[1]
        self.hessian = np.broadcast_to(np.eye(size), (count, size, size)).copy()
        start = best[self.member]
        first = surface.at(np.arange(members), best)
        self.top = first.loglik
        carry = _take(first.carry, self.member)
        self.state = self._seen(np.arange(count), start, self.top[self.member], None, carry)
        self.low, self.high = (
            np.array([getattr(own, name) for own in scales])[self.parameter]
            for name in ("low", "high")
        )
        self.estimate = self.state.held.copy()
        with np.errstate(invalid="ignore"):
            self.error = np.sqrt((self.state.normal**2).sum(1))
        self.target = np.zeros(count, int)  # which is next
        self.wish = self.estimate + self.side * self.targets[0] * self.error
        self.inside, self.outside = self.estimate.copy(), np.full(count, np.inf) * self.side
        self.length = np.ones(count)
        self.ends = np.full(count, np.nan)
        self.is_higher = np.zeros(count, bool)
        self.points: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        usable = self.known[self.member] & np.isfinite(self.error) & (self.error > 0)
        at_bound = usable & (self._bound() == self.estimate)
        self.ends[at_bound] = self.estimate[at_bound]
        self.going = usable & ~at_bound
        self.usable = usable
        self._clip_wish(np.flatnonzero(self.going))

    def go(self, report: Report) -> None:
        """Take all problems to their last target."""
        left = len(self.going)
        for _ in range(_TURNS):
            rows = np.flatnonzero(self.going)
            report(left - len(rows), 0)
            left = len(rows)
            if not left:
                return
            self._step(rows)

    def trace(self, member: int, parameter: int) -> Trace:
        """What was found of one profile."""
        own = (self.member == member) & (self.parameter == parameter)
        rows = np.flatnonzero(own)
        seen = [
            (held[here], zeta[here])
            for number, held, zeta in self.points
            for here in (np.isin(number, rows),)
        ]
        held = np.concatenate([self.estimate[rows[:1]], *(pair[0] for pair in seen)])
        zeta = np.concatenate([np.zeros(1), *(pair[1] for pair in seen)])
        order = np.argsort(held)
        note = ""
        if not self.usable[rows].all():
            note = UNKNOWN
        elif self.is_higher[rows].any():
            note = HIGHER
        elif np.isnan(self.ends[rows]).any():
            note = LOST
        return Trace(held[order], zeta[order], self.ends[rows], note)

    def _step(self, rows: np.ndarray) -> None:
        """Evaluate once for each of the problems in `rows`."""
        state = _take(self.state, rows)
        step, multiple = self._proposed(rows, state)
        x = state.x + np.einsum("kab,kb->ka", self.root[self.member[rows]], step)
        seen = self.surface.at(self.member[rows], x, state.carry)
        trial = self._seen(rows, x, seen.loglik, seen.gradient, seen.carry)
        accept = self._is_better(rows, state, trial, multiple)
        self._learn(rows[accept], _take(state, accept), _take(trial, accept), multiple[accept])
        self.state = _put(self.state, rows[accept], _take(trial, accept))
        self.length[rows] = np.where(accept, 1.0, 0.3 * self.length[rows])
        self._draw_back(rows[self.length[rows] < _SHORTEST])
        self._arrive(rows[accept])

    def _proposed(self, rows, state) -> tuple[np.ndarray, np.ndarray]:
        """The next step, and the multiple of the constraint's gradient at its end."""
        of_normal, of_slope = self._towards(rows, state)
        gap = self.length[rows] * (self.wish[rows] - state.held)
        multiple = (gap + _dot(state.normal, of_slope)) / _dot(state.normal, of_normal)
        step = multiple[:, None] * of_normal - of_slope
        return self.length[rows, None] * step, multiple

    def _towards(self, rows, state) -> tuple[np.ndarray, np.ndarray]:
        """The inverse Hessian times the gradients of the constraint and the loss."""
        both = np.stack([state.normal, state.slope], -1)
        towards = np.linalg.solve(self.hessian[rows], both)
        return towards[..., 0], towards[..., 1]

    def _seen(self, rows, x, loglik, gradient, carry) -> _State:
        """Points with what is held there."""
        found = None if all(own.is_coordinate for own in self.scales) else natural(self.model, x)
        held, normal = np.zeros(len(x)), np.zeros(x.shape)
        for k, own in enumerate(self.scales):
            here = np.flatnonzero(self.parameter[rows] == k)
            part = None if found is None else _take(found, here)
            held[here], normal[here] = own.of(x[here], part)
        root = self.root[self.member[rows]]
        gradient = np.zeros(x.shape) if gradient is None else gradient
        slope, normal = (np.einsum("kab,ka->kb", root, own) for own in (-gradient, normal))
        return _State(x, self.top[self.member[rows]] - loglik, slope, held, normal, carry)

    def _is_better(self, rows, state, trial, multiple) -> np.ndarray:
        """By the exact penalty function of loss and distance from the wish."""
        weight = 2 * np.abs(multiple) + 1e-3

        def penalised(at: _State) -> np.ndarray:
            return at.loss + weight * np.abs(at.held - self.wish[rows])

        with np.errstate(invalid="ignore"):
            fits = np.isfinite(trial.loss) & np.isfinite(trial.slope).all(1)
            fits &= np.isfinite(trial.held) & np.isfinite(trial.normal).all(1)
            return fits & (penalised(trial) <= penalised(state) + 1e-9 * (1 + np.abs(state.loss)))

    def _learn(self, rows, before, after, multiple) -> None:
        """Powell's damped BFGS update of the Hessian of the Lagrangian."""
        inverse = np.linalg.inv(self.root[self.member[rows]])
        step = np.einsum("kab,kb->ka", inverse, after.x - before.x)
        change = after.slope - before.slope - multiple[:, None] * (after.normal - before.normal)
        hessian = self.hessian[rows]
        moved = np.einsum("kab,kb->ka", hessian, step)
        size = _dot(step, moved)
        usable = size > 1e-24
        size = np.where(usable, size, 1.0)
        curvature = _dot(step, change)
        is_low = curvature < 0.2 * size
        damp = np.where(is_low, 0.8 * size / np.where(is_low, size - curvature, 1.0), 1.0)[:, None]
        change = damp * change + (1 - damp) * moved
        curvature = np.where(usable, _dot(step, change), 1.0)
        update = (
            change[:, :, None] * change[:, None] / curvature[:, None, None]
            - moved[:, :, None] * moved[:, None] / size[:, None, None]
        )
        updated = hessian + np.where(usable[:, None, None], update, 0.0)
        spectrum = np.linalg.eigvalsh(updated)
        is_regular = spectrum[:, 0] > _FLAT * spectrum[:, -1]  # else what was learned is forgotten
        begun = np.eye(hessian.shape[1])
        self.hessian[rows] = np.where(is_regular[:, None, None], updated, begun)

    def _arrive(self, rows: np.ndarray) -> None:
        """Where a point is one of the profile, go on from it."""
        state = _take(self.state, rows)
        of_normal, of_slope = self._towards(rows, state)
        multiple = _dot(state.normal, of_slope) / _dot(state.normal, of_normal)
        off = state.slope - multiple[:, None] * state.normal
        at_rest = _dot(off, of_slope - multiple[:, None] * of_normal) < _AT_REST**2
        rows, state, multiple = rows[at_rest], _take(state, at_rest), multiple[at_rest]
        zeta = self.side[rows] * np.sqrt(2 * np.maximum(state.loss, 1e-300))
        self.is_higher[rows] |= state.loss < -_HIGHER
        self._next(rows, state.held, zeta, multiple)

    def _next(self, rows, held, zeta, multiple) -> None:
        """Note points that were sought, and go on from all by Newton's step for `zeta`."""
        side, last = self.side[rows], self.target[rows] == len(self.targets) - 1
        target = self.targets[self.target[rows]]
        reached = np.abs(np.abs(zeta) - target) < _AT_TARGET
        done = reached & last
        self.ends[rows[done]] = (held + (side * target - zeta) * zeta / multiple)[done]
        onward = rows[reached & ~last]
        self.target[onward] += 1
        self.outside[onward] = np.inf * self.side[onward]
        target = self.targets[self.target[rows]]
        is_inside = np.abs(zeta) < target
        self.inside[rows] = np.where(is_inside, held, self.inside[rows])
        self.outside[rows] = np.where(is_inside, self.outside[rows], held)
        at_bound = is_inside & self._is_at_bound(rows, held)
        self.ends[rows[at_bound]] = self._bound()[rows[at_bound]]
        far = is_inside & (np.abs(held - self.estimate[rows]) > _FARTHEST * self.error[rows])
        self.ends[rows[far]] = side[far] * np.inf
        kept = reached | at_bound
        self.points.append((rows[kept], held[kept], zeta[kept]))
        self.going[rows[done | at_bound | far | self.is_higher[rows]]] = False
        self._wish_for(rows, held, (side * target - zeta) * zeta / multiple, multiple)

    def _wish_for(self, rows, held, step, multiple) -> None:
        """Seek a point a step further, outwards if the likelihood does not fall that way, and not
        too far from what is known."""
        side = self.side[rows]
        most = 2 * np.maximum(np.abs(held - self.estimate[rows]), self.error[rows])
        falls = (side * multiple > 0) & np.isfinite(step)
        step = np.where(falls, np.clip(np.where(falls, step, 0.0), -most, most), side * most / 2)
        self.wish[rows] = held + step
        self._clip_wish(rows)

    def _clip_wish(self, rows: np.ndarray) -> None:
        """Keep what is sought between what is known to be inside and outside."""
        side, wish = self.side[rows], self.wish[rows]
        inside, outside = self.inside[rows], self.outside[rows]
        between = (side * wish > side * inside) & (side * wish < side * outside)
        is_known = np.isfinite(outside)
        halfway = np.where(is_known, (inside + np.where(is_known, outside, 0.0)) / 2, wish)
        wish = np.where(between | ~is_known, wish, halfway)
        bound = self._bound()[rows]
        has_bound = np.isfinite(bound)
        nearest = np.where(
            has_bound,
            bound + _AT_BOUND / 2 * (self.estimate[rows] - np.where(has_bound, bound, 0.0)),
            wish,
        )
        self.wish[rows] = np.where(side * wish > side * nearest, nearest, wish)

    def _draw_back(self, rows: np.ndarray) -> None:
        """Where no step helps, seek a point nearer to the last of the profile; at last give up."""
        self.length[rows] = 1.0
        nearer = self.inside[rows] + 0.3 * (self.wish[rows] - self.inside[rows])
        self.going[rows[np.abs(nearer - self.inside[rows]) < 1e-4 * self.error[rows]]] = False
        self.wish[rows] = nearer
        size = self.hessian.shape[1]
        self.hessian[rows] = np.eye(size)

    def _bound(self) -> np.ndarray:
        return np.where(self.side > 0, self.high, self.low)

    def _is_at_bound(self, rows, held) -> np.ndarray:
        bound = self._bound()[rows]
        distance = np.abs(self.estimate[rows] - bound)
        with np.errstate(invalid="ignore"):
            return np.isfinite(bound) & (np.abs(held - bound) <= _AT_BOUND * distance)


def _roots(matrices: np.ndarray) -> np.ndarray:
    """A root of each symmetric matrix, whose eigenvalues are taken to be positive."""
    scale = np.sqrt(np.maximum(np.diagonal(matrices, axis1=1, axis2=2), 1e-300))
    values, vectors = np.linalg.eigh(matrices / scale[:, :, None] / scale[:, None])
    return scale[:, :, None] * vectors * np.sqrt(np.maximum(values, 1e-8))[:, None]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1)


def _take(tree: Any, rows: Any) -> Any:
    if isinstance(tree, np.ndarray):
        return tree[rows]
    parts = [_take(part, rows) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def _put(tree: Any, rows: np.ndarray, values: Any) -> Any:
    if isinstance(tree, np.ndarray):
        tree[rows] = values
        return tree
    for part, own in zip(tree, values, strict=True):
        _put(part, rows, own)
    return tree
