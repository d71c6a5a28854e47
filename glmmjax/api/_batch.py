"""Many models at once: `fit_many` and `fit_by`."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._errors import ModelError
from .._later import Later
from ..assembly import with_priors
from ..families import AbstractFamily
from ..methods import AbstractMethod
from ..model import Params
from ..priors import Priors
from ._model import Batch, Model
from ._posterior import Posteriors
from ._stoppable import stoppable

if TYPE_CHECKING:
    from .. import batch as core
    from .. import sampling
else:
    core, sampling = Later("glmmjax.batch"), Later("glmmjax.sampling")


def fit_many(  # noqa: PLR0913 - keyword-only settings
    model: Model | Sequence[Model],
    responses: Any = None,
    *,
    weights: Any = None,
    offset: Any = None,
    method: AbstractMethod | None = None,
    reml: bool = False,
    priors: Priors | None = None,
    start: Params | None = None,
    precision: str = "float64",
    chunk_size: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> Batch:
    """Fit many models at once, on every local device.

    Each member ends as its own fit would (to 1e-8 in log-likelihood): at the same maximum, with
    standard errors and a status. One that fails leaves the bits of the others as they are.

    Args:
        model: a model, whose formula may lack a response, or a sequence of models of the same
            structure (terms and their columns) with data of their own.
        responses: with one model: (B, n) array or scipy sparse matrix, a member in every row (n:
            rows of the model's data), or a table with a member in every column (rows of a pandas
            table go by their labels). For binomial models successes (trials are the model's), or
            (B, n, 2) successes and trials. What rows of weight zero hold does not matter.
        weights, offset: (n,) for all members or (B, n), or a table as responses, instead of the
            model's arguments.
        method, reml, priors, start: as for `Model.fit`, for every member; default priors are in
            units of each member's response.
        precision: `"float32"` for devices whose float64 is slow. Measured against float64 on
            Poisson, Gaussian and random-slope models it is within 4e-4 of a log-likelihood unit and
            5e-4 standard errors; what is singular is judged more coarsely.
        chunk_size: members that are held on the devices at a time; by default as many as serve the
            purpose and fit.
        checkpoint: folder for finished chunks. The same call after an interruption goes on where it
            was, to the same bits; a damaged chunk is computed again, with a warning; a folder made
            from other inputs is refused.
        progress: show a progress bar; by default on a terminal and in notebooks.

    Returns:
        The fits. `batch[7]` or `batch["gene"]` is any of them as an ordinary `gj.Fit`. Arrays and
        tables have a row a member: `fixef`, `std_errors`, `vcov`, `varcorr()`, `dispersion`,
        `loglik`, `status`, `converged`, `scaled_gradient`, `iterations`. `to_frame()` is a row a
        member and coefficient, with Benjamini and Hochberg's adjusted p-values, `to_parquet(path)`
        writes it, `counts()` tells how many members ended how.

    Raises:
        ModelError: one sentence that names the argument at fault.
        Interrupted: on Ctrl-C; its attribute `batch` holds the finished members.

    Members that fail:
        Counts that are all zero, separation or a NaN cost a member its numbers and give it a
        status. The numbers are NaN, but for the log-likelihood under separation, which is the one
        that is approached.

    Memory:
        Members that have converged leave the computation, and chunks are planned by the memory that
        is free, so a batch may be larger than it: responses can be a memory-mapped array or a
        sparse matrix, read when they are needed.

    Devices:
        All local devices share a batch (a `jax.sharding.Mesh` over its members). On a CPU JAX has
        one device unless it is told otherwise: `XLA_FLAGS=--xla_force_host_platform_device_count=4`
        makes it four.

    Hosts:
        Several hosts start the same script, which begins with `jax.distributed.initialize()`; each
        fits its share and returns the whole batch. Under Slurm JAX finds the others by itself,
        `srun --nodes=4 --ntasks-per-node=1 --gpus-per-node=8 python fit_genes.py`; elsewhere each
        process says who it is, `jax.distributed.initialize("host0:1234", num_processes=4,
        process_id=k)`.
    """
    settings = core.Settings(chunk_size, precision, checkpoint, progress)
    members = _members(model, responses, weights, offset, priors)
    return _fit(members, method, settings, reml=reml, start=start)


def sample_many(  # noqa: PLR0913 - keyword-only settings
    model: Model | Sequence[Model],
    responses: Any = None,
    *,
    weights: Any = None,
    offset: Any = None,
    priors: Priors | None = None,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 1000,
    seed: int = 0,
    marginal: bool = False,
    method: AbstractMethod | None = None,
    target_accept: float = 0.8,
    progress: bool | None = None,
) -> Posteriors:
    """Draw from the posteriors of many models at once, on every local device.

    Args:
        model, responses, weights, offset: as for `fit_many`.
        priors, chains, draws, warmup, seed, marginal, method, target_accept: as for `Model.sample`;
            default priors are in units of each member's response, and each member has random
            numbers of its own.
        progress: show a progress bar; by default on a terminal and in notebooks.

    Returns:
        The posteriors. `posteriors[7]` or `posteriors["gene"]` is any of them as an ordinary
        `gj.Posterior`; tables have a first column or index level `member`, `status` and `converged`
        a value a member.

    Raises:
        ModelError: one sentence that names the argument at fault.

    Members whose mode is not found have no draws, and a status that says why.
    """
    run = sampling.checked_run(
        chains=chains,
        draws=draws,
        warmup=warmup,
        seed=seed,
        marginal=marginal,
        accept=target_accept,
    )
    priors = Priors() if priors is None else priors
    members = _members(model, responses, weights, offset, priors)
    sampling.refuse_quasi(members.first)
    start = _members(model, responses, weights, offset, sampling.for_start(priors))
    fits = core.fit_members(start, method, core.Settings(progress=progress))
    return Posteriors(sampling.sample(fits, members, run, progress=progress))


def fit_by(  # noqa: PLR0913 - the arguments of glmm and keyword-only settings
    formula: str,
    data: Any,
    by: str,
    family: str | AbstractFamily = "gaussian",
    *,
    link: str | None = None,
    ziformula: str | None = None,
    dispformula: str | None = None,
    weights: Any = None,
    offset: Any = None,
    matrices: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    method: AbstractMethod | None = None,
    reml: bool = False,
    priors: Priors | None = None,
    precision: str = "float64",
    chunk_size: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> Batch:
    """Fit the same model to the rows of each level of a column, such as one model an item or a
    site.

    The columns of the model are made from the whole table once, so that terms such as `poly(x, 2)`
    or `scale(x)` mean the same in every member. A member whose rows do not identify the model, or
    whose response leaves the likelihood without a maximum (counts of zero only), is not fitted and
    has a status that says so.

    Args:
        formula, data, family, link, ziformula, dispformula, weights, offset, matrices, context: as
            for `glmm`.
        by: column whose levels are the members, in sorted order (for a categorical column in its
            own).
        method, reml, priors, precision, chunk_size, checkpoint, progress: as for `fit_many`.

    Returns:
        The fits, as of `fit_many`; `batch.names` are the levels.

    Raises:
        ModelError: one sentence that names the column or argument at fault.
        Interrupted: on Ctrl-C; its attribute `batch` holds the finished members.
    """
    described = {"family": family, "link": link, "ziformula": ziformula, "dispformula": dispformula}
    given = {"weights": weights, "offset": offset, "matrices": matrices, "context": context}
    members = core.split_by(formula, data, by, priors=priors, **described, **given)
    settings = core.Settings(chunk_size, precision, checkpoint, progress)
    return _fit(members, method, settings, reml=reml)


def _members(
    model: Any, responses: Any, weights: Any, offset: Any, priors: Priors | None
) -> "core.AbstractManyMembers":
    of = _of_responses if isinstance(model, Model) else _of_models
    return of(model, responses, weights, offset, priors)


def _of_responses(
    model: Model, responses: Any, weights: Any, offset: Any, priors: Priors | None
) -> "core.AbstractManyMembers":
    if responses is None:
        raise ModelError("fit_many needs responses, one row a member, or a sequence of models.")
    rows = core.as_responses(
        responses, model.core.design.frame.index, pairs=model.core.design.y.ndim == 2
    )
    return core.SharedDesign(with_priors(model.core, priors), rows, weights, offset)


def _of_models(
    models: Any, responses: Any, weights: Any, offset: Any, priors: Priors | None
) -> "core.AbstractManyMembers":
    models = list(models) if isinstance(models, Sequence) else [models]
    if not models or not all(isinstance(m, Model) for m in models):
        raise ModelError("fit_many takes a model made by gj.glmm, or a sequence of them.")
    given = {"responses": responses, "weights": weights, "offset": offset}
    for name, value in given.items():
        if value is not None:
            raise ModelError(f"{name} goes with one model; several models have their own.")
    return core.own_designs([m.core for m in models], priors)


def _fit(members, method, settings, *, reml: bool, start: Params | None = None) -> Batch:
    with stoppable(Batch):
        return Batch(core.fit_members(members, method, settings, reml=reml, start=start))
