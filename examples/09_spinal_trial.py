"""A trial from its two-by-two table to the report: spinal implants, seen twice in each patient.

    python examples/09_spinal_trial.py    # needs matplotlib, for the pictures of the report

Of 126 patients it was noted at two visits whether the implant was a success. The odds ratio of the
second visit against the first is one number for a patient and another for the population. They
answer different questions, and here each can be computed by hand too.
"""

import argparse
import textwrap

import numpy as np
import pandas as pd
from scipy import special, stats

import glmmjax as gj


def say(text: str) -> None:
    print(textwrap.fill(text, 88) + "\n")


def ratio(logarithm: float, std_error: float) -> pd.Series:
    """An odds ratio with Wald's 95 % interval, from its logarithm and that one's standard error."""
    lower, upper = np.exp(logarithm + stats.norm.ppf([0.025, 0.975]) * std_error)
    return pd.Series(
        [logarithm, std_error, np.exp(logarithm), lower, upper],
        ["logarithm", "std_error", "odds_ratio", "lower", "upper"],
    )


def crude(table: pd.DataFrame) -> pd.Series:
    """Of visit by success, as if the two visits were of different patients."""
    (failed_first, first), (failed_second, second) = table.to_numpy()
    logarithm = np.log((second / failed_second) / (first / failed_first))
    return ratio(logarithm, np.sqrt((1 / table.to_numpy()).sum()))


def of_pairs(pairs: pd.DataFrame) -> pd.Series:
    """Conditional logistic regression: patients who did the same twice say nothing of the visits,
    so what is left is how many changed one way, over how many changed the other."""
    gained, lost = pairs.loc[0, 1], pairs.loc[1, 0]
    exact = stats.binomtest(gained, gained + lost).pvalue
    chi_squared = stats.chi2.sf((gained - lost) ** 2 / (gained + lost), 1)
    say(
        f"{lost} patients lost their success and {gained} gained one. That both are as likely:"
        f" McNemar's p = {chi_squared:.2f}, or {exact:.2f} by the binomial distribution."
    )
    return ratio(np.log(gained / lost), np.sqrt(1 / gained + 1 / lost))


def fitted(trial: pd.DataFrame) -> dict[str, gj.Fit]:
    """A logistic model with an effect of each patient, whose likelihood is an integral."""
    model = gj.glmm("success ~ visit + (1 | patient)", trial, family="bernoulli")
    methods = {"Laplace": gj.Laplace(), "AGHQ(5)": gj.AGHQ(5), "AGHQ(25)": gj.AGHQ(25)}
    fits = {name: model.fit(method) for name, method in methods.items()}
    table = pd.DataFrame({name: fit.fixef for name, fit in fits.items()}).T
    table["sd(patient)"] = [fit.varcorr()["sdcor"][0] for fit in fits.values()]
    table["loglik"] = [fit.loglik for fit in fits.values()]
    print(table.round(4).to_string(), "\n")

    # The more rows a patient has, the nearer to a normal curve is what is integrated. Quadrature
    # does not need that: points are added until nothing moves.
    off = fits["AGHQ(25)"].loglik - fits["Laplace"].loglik
    say(
        "Laplace's approximation takes what is integrated over a patient's effect for a normal"
        " curve. Two rows of zeros and ones are too few for that: its log-likelihood is off by"
        f" {off:.1f}, and its standard deviation of the patients is"
        f" {table.loc['Laplace', 'sd(patient)']:.2f} in place of"
        f" {table.loc['AGHQ(25)', 'sd(patient)']:.2f}. What follows is by quadrature."
    )
    return fits


def beside_each_other(fits: dict[str, gj.Fit], by_hand: dict[str, pd.Series]) -> pd.DataFrame:
    """The odds ratios, a row each."""
    numbers = ["estimate", "std_error"]
    laplace, model = (fits[name].coefficients() for name in ("Laplace", "AGHQ(25)"))
    averaged = fits["AGHQ(25)"].marginal_coefficients()
    rows = {
        "a patient, pairs by hand": by_hand["pairs"],
        "a patient, model": ratio(*model.loc["visit", numbers]),
        "a patient, by Laplace": ratio(*laplace.loc["visit", numbers]),
        "the population, table by hand": by_hand["table"],
        "the population, model": ratio(*averaged.loc["visit", numbers]),
    }
    table = pd.DataFrame(rows).T
    print(table.round(4).to_string(), "\n")
    return table


def why_they_differ(fit: gj.Fit, table: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Between a patient and the population, and between model and hand."""
    own, averaged = table.loc["a patient, model"], table.loc["the population, model"]
    sd = fit.varcorr()["sdcor"][0]
    flat = special.logit([0.1, 0.9])
    between = np.diff(stats.norm.cdf(flat, fit.fixef["Intercept"], sd))[0]
    slope = 16 * np.sqrt(3) / (15 * np.pi)  # of a normal distribution that is near the logistic one
    say(
        f"At the second visit the odds of success of a patient are {own['odds_ratio']:.2f} times"
        f" what they were; those of the population are {averaged['odds_ratio']:.2f} times what"
        " they were. Both hold. The population is an integral over patients, who differ with a"
        f" standard deviation of {sd:.1f} on the logit scale: {100 * (1 - between):.0f} % have a"
        " probability below 0.1 or above 0.9, which a step on that scale hardly moves, and so the"
        f" average moves less. It leaves {averaged['logarithm'] / own['logarithm']:.2f} of the"
        f" coefficient; 1 / sqrt(1 + c^2 sd^2) with c = {slope:.3f}, a rule for normal effects"
        f" (Zeger, Liang and Albert 1988), says {1 / np.sqrt(1 + (slope * sd) ** 2):.2f}."
    )
    alone = special.xlogy(pairs, pairs / pairs.to_numpy().sum()).to_numpy().sum()
    say(
        "Three parameters meet four numbers of patients with one sum, so the model can fit these"
        f" exactly, and does: its log-likelihood is {fit.loglik:.3f}, that of the four shares"
        f" themselves {alone:.3f}. Hence it repeats what was found by hand."
    )
    say(
        "But for one standard error: that of the table takes the two visits for those of different"
        f" patients, {table.loc['the population, table by hand', 'std_error']:.3f}. The model knows"
        f" that they are the same: {averaged['std_error']:.3f}."
    )


def how_patients_differ(fit: gj.Fit) -> None:
    icc, median = fit.icc()["adjusted"], fit.median_odds_ratio().iloc[0]
    say(
        f"Of the variance on the logit scale {100 * icc:.0f} % lies between patients (icc). Of two"
        f" patients drawn at random one has {median:.0f} times the odds of the other, as a median"
        " (median odds ratio)."
    )
    # Profiles do not take the likelihood for quadratic, which it is not in a standard deviation.
    print(fit.confint("profile", parm="all").round(2).to_string(), "\n")


def main(path: str) -> None:
    trial = gj.datasets.load("spinal")
    table = pd.crosstab(trial["visit"], trial["success"])
    print(table, "\n")
    wide = trial.pivot(index="patient", columns="visit", values="success")
    pairs = pd.crosstab(wide[0], wide[1], rownames=["first visit"], colnames=["second visit"])
    print(pairs, "\n")

    by_hand = {"table": crude(table), "pairs": of_pairs(pairs)}
    fits = fitted(trial)
    fit = fits["AGHQ(25)"]
    why_they_differ(fit, beside_each_other(fits, by_hand), pairs)
    how_patients_differ(fit)
    fit.report(path, title="Spinal-implant trial", profile=True)
    print(f"The report is in {path}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", default="spinal_report.html")
    main(parser.parse_args().output)
