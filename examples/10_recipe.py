"""A recipe for mixed models in ten steps, with pictures, from the data to a report.

    python examples/10_recipe.py    # needs matplotlib

Seizures of 59 epileptics were counted in four periods; half of them were given progabide. Two steps
look at cattle of 15 herds beside them, as odds ratios are where averages and individuals part.
"""

import argparse
import pathlib
import textwrap

import matplotlib
import numpy as np
import pandas as pd

import glmmjax as gj

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FORMULA = "y ~ trt * lbase4 + lage + V4 + (1 | subject)"


def step(number: int, title: str) -> None:
    print(f"\n{number}. {title}\n")


def say(text: str) -> None:
    print(textwrap.fill(text, 88) + "\n")


def show(table: pd.DataFrame | pd.Series, digits: int = 3) -> None:
    print(table.round(digits).to_string() + "\n")


def show_p_values(table: pd.DataFrame) -> None:
    print(table.to_string(float_format="{:.2g}".format) + "\n")


def keep(path: pathlib.Path) -> None:
    """The picture drawn last."""
    plt.savefig(path, dpi=120)
    plt.close()
    print(f"Picture: {path}\n")


def look_at_the_data(folder: pathlib.Path) -> pd.DataFrame:
    step(1, "Look at the data")
    epil = gj.datasets.load("epil")
    arms = epil.groupby("trt", observed=True)["y"]
    show(arms.agg(rows="size", mean="mean", variance="var", zeros=lambda y: (y == 0).sum()), 1)
    say(
        "Counts vary far more than a Poisson distribution has it, whose variance is its mean: part"
        " of it because persons differ, the rest is for step 8."
    )
    _, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for ax, (arm, rows) in zip(panels, epil.groupby("trt", observed=True), strict=True):
        for _, person in rows.groupby("subject"):
            ax.plot(range(1, 5), person["y"] + 0.5, color="#0072B2", alpha=0.4, marker=".")
        ax.set(title=arm, xlabel="Period", xticks=range(1, 5), yscale="log")
        ax.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("Seizures + 0.5, a line a person")
    keep(folder / "recipe_data.png")
    return epil


def write_the_model(epil: pd.DataFrame) -> gj.Model:
    step(2, "Write the model")
    # What is compared is fixed; persons are a sample of those one could treat, so they are random.
    # Centred numbers make the intercept, and the effect of the treatment, those of a usual person.
    epil[["lbase4", "lage"]] -= epil[["lbase4", "lage"]].mean()
    model = gj.glmm(FORMULA, epil, family="poisson")
    print(model)
    print(model.plan, "\n")
    return model


def estimate(model: gj.Model) -> gj.Fit:
    step(3, "Estimate by Laplace's approximation")
    fit = model.fit()
    print(fit.summary())
    return fit


def check_by_quadrature(fit: gj.Fit) -> gj.Fit:
    step(4, "Check by adaptive quadrature")
    cbpp = gj.datasets.load("cbpp")
    herds = gj.glmm("incidence / size ~ period + (1 | herd)", cbpp, family="binomial").fit()
    rows = {}
    for name, laplace in {"seizures": fit, "cattle": herds}.items():
        quadrature = laplace.model.fit(gj.AGHQ(25))
        rows[name] = {
            "loglik, Laplace": laplace.loglik,
            "AGHQ(25)": quadrature.loglik,
            "sd, Laplace": laplace.varcorr()["sdcor"][0],
            "sd, AGHQ(25)": quadrature.varcorr()["sdcor"][0],
            "coefficients move by (SE)": max(
                abs(quadrature.fixef - laplace.fixef) / laplace.std_errors
            ),
        }
    show(pd.DataFrame(rows).T)
    say(
        "Laplace is enough where each level tells much about its effect. With few rows of zeros and"
        " ones a level it is not: see 09_spinal_trial.py."
    )
    return herds


def degrees_of_freedom(fit: gj.Fit) -> None:
    step(5, "Degrees of freedom")
    df, caic = fit.effective_df(), fit.caic()
    show(df, 1)
    say(
        f"Of the {df['bound']:.0f} coefficients and random effects (bound) shrinkage leaves what"
        f" {df['total']:.1f} free ones are worth (total). For predictions of these persons caic ="
        f" {caic['caic']:.1f} counts {caic['df']:.1f}; for those of new ones aic = {fit.aic:.1f}"
        f" counts the {fit.df} parameters."
    )


def intervals_and_tests(fit: gj.Fit) -> None:
    step(6, "Intervals and tests")
    intervals = {name: fit.confint(name, parm="all") for name in ("wald", "profile")}
    show(pd.concat(intervals, axis=1))
    assumed = {
        "wald": "estimates are normal, and their variance is known: many persons",
        "lrt": "twice the loss of log-likelihood without the term is chi-squared: many persons",
        "satterthwaite": "as wald, but their variance is estimated, so that F takes its place",
    }
    show_p_values(pd.DataFrame({test: fit.anova(test=test)["p_value"] for test in assumed}))
    for test, words in assumed.items():
        print(f"{test:>15}: {words}")
    print()
    say("All take the model for true: that the variance is the mean, too, which step 8 looks at.")


def interpretation(fit: gj.Fit, herds: gj.Fit, folder: pathlib.Path) -> None:
    step(7, "Interpretation")
    show(fit.confint().assign(ratio=fit.fixef).apply(np.exp))
    gj.plot.effect(fit, "lbase4", by="trt")
    keep(folder / "recipe_effect.png")

    averaged = herds.marginal_coefficients()["estimate"]
    odds = pd.DataFrame({"within a herd": herds.fixef, "averaged over herds": averaged})
    show(odds.apply(np.exp))
    say(
        "Those are odds ratios of the cattle: of one herd, and of the average of herds, which are"
        " nearer to one. Ratios of means, as of the seizures, are the same for a person and for the"
        " average: persons multiply the mean by a factor, whose average the intercept takes in."
    )
    r2, icc, median = fit.r2(), fit.icc()["adjusted"], fit.median_odds_ratio().iloc[0]
    say(
        f"Shares of the variance on the log scale: {100 * r2['marginal']:.0f} % the fixed part,"
        f" {100 * r2['conditional']:.0f} % with the persons (r2), and of what the fixed part leaves"
        f" {100 * icc:.0f} % lies between persons (icc). Of two persons alike in all that is known"
        f" one has {median:.2f} times the seizures of the other, as a median."
    )
    pooled = fit.partial_pooling("subject").sort_values("none").set_index("level")
    show(pooled[["rows", "none", "partial", "complete"]].iloc[[0, 1, -2, -1]])
    say(
        "A person's rows alone (none) say more extreme things than the model (partial), and of one"
        " without any seizure nothing finite."
    )
    gj.plot.shrinkage(fit, "subject")
    keep(folder / "recipe_shrinkage.png")


def overdispersion(fit: gj.Fit, epil: pd.DataFrame) -> gj.Fit:
    step(8, "Overdispersion")
    show(fit.overdispersion())
    columns = ["df", "aic", "chisq", "dispersion", "max_change", "max_se_ratio"]
    show(gj.overdispersion(fit, families=["nbinom2"])[columns])
    wider = gj.glmm(FORMULA, epil, family="nbinom2").fit()
    models = {"poisson": fit, "nbinom2": wider}
    table = pd.concat({name: own.coefficients()["p_value"] for name, own in models.items()}, axis=1)
    table["std. errors grow by"] = wider.std_errors / fit.std_errors
    show_p_values(table)
    found = fit.overdispersion()["statistic"]
    say(
        f"Given the persons, counts vary {found:.1f} times as much as the model has it (statistic)."
        " So standard errors were too small of what changes within persons, as V4 does; for what"
        " differs between persons, the variance of these had taken in the rest. From here on the"
        " model is the negative binomial one."
    )
    tests = {name: own.residual_tests().set_index("test") for name, own in models.items()}
    print("Tests of quantile residuals, p-values:")
    show_p_values(pd.DataFrame({name: own["p_value"] for name, own in tests.items()}))
    return wider


def diagnostics(fit: gj.Fit, folder: pathlib.Path) -> None:
    step(9, "Diagnostics")
    print(fit.diagnose(), "\n")
    largest = fit.influence("subject").nlargest(3, "cook")
    show(largest[["trt[T.progabide]", "V4", "sd(Intercept|subject)", "cook"]])
    say("By so much each parameter would change without that person; cook is over all.")
    gj.plot.residuals(fit)
    keep(folder / "recipe_residuals.png")
    gj.plot.caterpillar(fit)
    keep(folder / "recipe_caterpillar.png")


def main(folder: pathlib.Path) -> None:
    epil = look_at_the_data(folder)
    model = write_the_model(epil)
    fit = estimate(model)
    herds = check_by_quadrature(fit)
    degrees_of_freedom(fit)
    intervals_and_tests(fit)
    interpretation(fit, herds, folder)
    wider = overdispersion(fit, epil)
    diagnostics(wider, folder)

    step(10, "Report")
    path = folder / "recipe_report.html"
    wider.report(path, title="Seizures under progabide")
    print(f"Equation, tables, assumptions and pictures in one file: {path}")
    say("Many at once, a gene or a simulated trial each: 06_thousand_genes.py, 07_bootstrap.py.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path())
    main(parser.parse_args().folder)
