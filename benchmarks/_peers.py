"""Fits of members of a batch by other packages, one at a time, with standard errors."""

import statistics
import time
from collections.abc import Callable

import numpy as np
from _settings import Setting, spread
from _timing import installed, r_milliseconds

Peer = Callable[[Setting, int], float | None]
"""Median milliseconds a fit over so many members; None where the peer is not installed or has no
such model."""


def median_over_members(
    fit: Callable[[np.ndarray], object], setting: Setting, members: int
) -> float:
    """Median time of `fit(y)`, after one that is not counted."""
    chosen = [
        setting.with_response(member).y.to_numpy()
        for member in spread(len(setting.responses), members)
    ]
    fit(chosen[0])
    times = []
    for y in chosen:
        start = time.perf_counter()
        fit(y)
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def glmm_rust(setting: Setting, members: int) -> float | None:
    """Without what it adds to a fit by itself: likelihood-ratio tests (which refit),
    Satterthwaite's degrees of freedom."""
    if not installed("glmm"):
        return None
    import glmm

    family = {"bernoulli": "binomial", "nbinom2": "negativebinomial"}.get(
        setting.family, setting.family
    )
    options = {"anova_test": "Wald", "satterthwaite": False, "offset": setting.offset}
    if family == "gaussian":
        options["reml"] = False
    columns = {name: setting.data[name].to_numpy(float) for name in setting.data if name != "g"}
    columns["g"] = setting.data.g.astype(str).tolist()
    formula = f"y ~ {setting.right}"
    return median_over_members(
        lambda y: glmm.fit(columns | {"y": y}, formula, family, **options), setting, members
    )


def gpboost(setting: Setting, members: int) -> float | None:
    """(a | g) without the correlation, which GPBoost does not have."""
    if not installed("gpboost"):
        return None
    import gpboost

    data = setting.data
    likelihood = {"bernoulli": "bernoulli_logit", "nbinom2": "negative_binomial"}.get(
        setting.family, setting.family
    )
    random = {"group_data": data.g.to_numpy()}
    if setting.has_slope:
        random |= {"group_rand_coef_data": data.a.to_numpy(), "ind_effect_group_rand_coef": [1]}
    x = np.column_stack([np.ones(len(data)), data.drop(columns="g")])

    def fit(y: np.ndarray) -> None:
        model = gpboost.GPModel(likelihood=likelihood, **random)
        model.fit(y=y, X=x, offset=setting.offset)
        model.get_coef(std_err=True)

    return median_over_members(fit, setting, members)


def lme4(setting: Setting, members: int) -> float | None:
    calls = {
        "poisson": "glmer({formula}, d, family = poisson)",
        "bernoulli": "glmer({formula}, d, family = binomial)",
        "nbinom2": "glmer.nb({formula}, d)",
        "gaussian": "lmer({formula}, d, REML = FALSE)",
    }
    return _in_r("lme4", f"suppressWarnings(vcov({calls[setting.family]}))", setting, members)


def glmm_tmb(setting: Setting, members: int) -> float | None:
    family = {"bernoulli": "binomial"}.get(setting.family, setting.family)
    return _in_r(
        "glmmTMB", f"suppressWarnings(glmmTMB({{formula}}, d, family = {family}))", setting, members
    )


def _in_r(library: str, fit: str, setting: Setting, members: int) -> float | None:
    chosen = spread(len(setting.responses), members)
    responses = {
        f"y{k}": setting.with_response(member).y.to_numpy() for k, member in enumerate(chosen)
    }
    data = setting.data.assign(**responses)
    formula = f"y ~ {setting.right}"
    if setting.offset is not None:
        data, formula = data.assign(o=setting.offset), f"{formula} + offset(o)"
    return r_milliseconds(
        data, library, fit.format(formula=formula), repeats=1, responses=list(responses)
    )


PEERS: dict[str, tuple[Peer, int]] = {  # and how many members each fits
    "glmm (Rust)": (glmm_rust, 21),
    "GPBoost": (gpboost, 21),
    "lme4": (lme4, 5),
    "glmmTMB": (glmm_tmb, 5),
}
