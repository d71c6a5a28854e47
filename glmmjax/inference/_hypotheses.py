"""Linear hypotheses about the fixed effects: contrasts, and terms one by one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import chdtrc, fdtrc

from .._errors import ModelError
from .._noted import noted
from ..assembly import MixedModel
from ..design import FixedTerm, fixed_terms
from ..fit import Fits
from ._coefficients import block, part_names, tested
from ._freedom import Freedom, denominator

Rows = Float[np.ndarray, "k p"]

FREEDOMS = ("satterthwaite", "kenward-roger", "between-within")
_CONTRASTS = (
    " With interactions, type 3 tests depend on the contrasts of the factors: C(a, contr.sum) makes"
    " them tests of means over the others' levels."
)


def contrast(
    fits: Fits, given: Any, rhs: Any = 0.0, *, part: str = "mean", ddf: str | None = None
) -> pd.DataFrame:
    """Tests that linear combinations of the coefficients of a linear predictor are `rhs`: columns
    `estimate, std_error, statistic, df, p_value`, a row a member and combination.

    `given`: `{"x": 1, "z": -1}` for one, `{"name": {...}, ...}` for several, or a matrix with a
    column a coefficient; raises `ModelError` for a name that is no coefficient, or another shape.
    """
    names = part_names(fits.members.first, part)
    labels, rows = combinations(given, list(names))
    aims = _numbers("rhs", rhs)
    if aims.shape not in ((), (len(rows),)):
        raise ModelError(f"rhs must be a number, or one for each of the {len(rows)} contrasts.")
    aims = np.broadcast_to(aims, len(rows))
    freedom = denominator(fits, ddf)
    wide = widened(fits.members.first, rows, part)
    values = fits.reported.beta @ wide.T - aims
    spread = np.einsum("kp,npq,kq->nk", wide, freedom.covariance, wide)
    index = pd.MultiIndex.from_product([fits.index, labels], names=["member", "contrast"])
    table = tested(index, values, np.sqrt(spread), freedom.of(wide))
    table["estimate"] += np.tile(aims, len(fits))
    return noted(table, freedom.words)


def combinations(given: Any, names: list[str]) -> tuple[list[str], Rows]:
    """Labels and weights of the coefficients `names`."""
    given = {given: 1.0} if isinstance(given, str) else given
    if isinstance(given, Mapping):
        if not given:
            raise ModelError("contrast needs the weight of at least one coefficient.")
        is_several = all(isinstance(own, Mapping) for own in given.values())
        several = list(given.values()) if is_several else [given]
        rows = np.array([_weights(own, names) for own in several])
        labels = list(map(str, given))
        if not is_several:
            labels = [_in_words(dict(zip(names, rows[0], strict=True)))]
        return labels, rows
    rows = np.atleast_2d(_numbers("A matrix of contrasts", given))
    if rows.ndim != 2 or rows.shape[1] != len(names) or not np.isfinite(rows).all():
        raise ModelError(
            f"A matrix of contrasts needs {len(names)} finite columns, one a coefficient"
            f" ({', '.join(names)}), not shape {np.shape(given)}."
        )
    return [_in_words(dict(zip(names, row, strict=True))) for row in rows], rows


def _weights(given: Mapping[str, Any], names: list[str]) -> np.ndarray:
    weights = np.zeros(len(names))
    for name, weight in given.items():
        if name not in names:
            raise ModelError(
                f"There is no coefficient {name!r} to contrast; the model has {', '.join(names)}."
            )
        weights[names.index(name)] = _numbers(f"The weight of {name!r}", weight)
    return weights


def _numbers(what: str, given: Any) -> np.ndarray:
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if not np.isfinite(values).all():
        raise ModelError(f"{what} must hold finite numbers, not {given!r}.")
    return values


def _in_words(weights: Mapping[str, Any]) -> str:
    """`x - 0.5 z`."""
    words = ""
    for name, weight in weights.items():
        if weight:
            size = "" if abs(weight) == 1 else f"{abs(weight):g} "
            sign = ("- " if weight < 0 else "+ ") if words else ("-" if weight < 0 else "")
            words += f"{' ' if words else ''}{sign}{size}{name}"
    return words or "0"


def widened(model: MixedModel, rows: Rows, part: str) -> Float[np.ndarray, "k all"]:
    """Weights of the coefficients of one linear predictor as weights of all."""
    wide = np.zeros((len(rows), model.glmm.p))
    wide[:, block(model, part)] = rows
    return wide


def terms_of(model: MixedModel, part: str) -> list[FixedTerm]:
    """The terms of a linear predictor; `ModelError` if there is no such predictor."""
    block(model, part)
    return fixed_terms(next(o.fixed for o in model.design.predictors if o.name == part))


def anova(
    fits: Fits, *, type: int = 2, test: str | None = None, part: str = "mean"
) -> pd.DataFrame:
    """A test of each term: `statistic, df, df_denom, p_value`, a row a member and term.

    Type 3: that all coefficients of the term are zero. Type 2: the same, given the model without
    the terms that contain it, as `car::Anova` has it. `wald` is a chi-squared, the default for all
    but linear models; the others, named as `ddf` is, are F tests.
    """
    check_type(type)
    if test not in (None, "wald", *FREEDOMS):
        known = "'wald', 'lrt', 'satterthwaite', 'kenward-roger' or 'between-within'"
        raise ModelError(f"test must be {known}, not {test!r}.")
    terms = terms_of(fits.members.first, part)
    freedom = denominator(fits, "normal" if test == "wald" else test)
    tables = []
    for term in terms:
        relatives = [own for own in terms if term.factors < own.factors] if type == 2 else []
        tables.append(_of_term(fits, freedom, term, relatives, part))
    names = [term.name for term in terms]
    index = pd.MultiIndex.from_product([fits.index, names], names=["member", "term"])
    columns = ["statistic", "df", "df_denom", "p_value"]
    stacked = np.stack(tables, 1) if tables else np.zeros((len(fits), 0, len(columns)))
    table = pd.DataFrame(stacked.reshape(-1, len(columns)), index=index, columns=columns)
    return noted(table.astype({"df": int}), of_type(type, terms, freedom.words))


def of_type(type: int, terms: list[FixedTerm], words: str) -> str:
    """What tests of terms are, and assume."""
    is_ambiguous = type == 3 and any(len(own.factors) > 1 for own in terms)
    return f"Type {type}. {words}{_CONTRASTS if is_ambiguous else ''}"


def check_type(type: Any) -> None:
    """Raise a `ModelError` for a type of analysis that there is not."""
    if type not in (2, 3) or isinstance(type, bool):
        raise ModelError(f"type must be 2 or 3, not {type!r}.")


def _of_term(
    fits: Fits, freedom: Freedom, term: FixedTerm, relatives: list[FixedTerm], part: str
) -> Float[np.ndarray, "members 4"]:
    model = fits.members.first
    unit = np.eye(len(part_names(model, part)))
    own = widened(model, unit[list(term.columns)], part)
    others = sorted({k for relative in relatives for k in relative.columns})
    given = widened(model, unit[others], part)
    found = np.full((len(fits), 4), np.nan)
    found[:, 1] = len(own)
    for number in range(len(fits)):
        covariance = freedom.covariance[number]
        if not np.isfinite(covariance).all():
            continue
        # What of the term is uncorrelated with the terms that contain it
        both = given @ covariance @ given.T
        rows = own - own @ covariance @ given.T @ np.linalg.solve(both, given)
        one = freedom.alone(number)
        test = one.joint(rows, (fits.reported.beta[[number]] @ rows.T))
        statistic, denominator = test.statistic[0], test.df_denom[0]
        if np.isinf(denominator):
            chisq = statistic * test.df
            value = chisq if freedom.kind == "normal" else statistic
            found[number] = value, test.df, np.inf, chdtrc(test.df, chisq)
        else:
            p_value = fdtrc(test.df, denominator, statistic)
            found[number] = statistic, test.df, denominator, p_value
    return found
