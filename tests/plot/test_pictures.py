"""Pictures: what is drawn is what the tables say."""

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.interpolate import CubicSpline
from scipy.special import ndtr, ndtri
from scipy.stats import kstest

import glmmjax as gj
from glmmjax.plot import _residuals, _screening, _style

mpl.use("Agg")
from matplotlib import pyplot


def axes_of(count: int = 1):
    """Axes of a figure that pyplot does not know."""
    found = Figure(figsize=(6, 4), layout="constrained").subplots(1, count, squeeze=False).ravel()
    return found[0] if count == 1 else found


@pytest.fixture(scope="module")
def cbpp(golden):
    return golden("cbpp", "Laplace")


@pytest.fixture(scope="module")
def sleep(golden):
    return golden("sleepstudy", "ML")


@pytest.fixture(scope="module")
def epil(golden):
    return golden("epil", "Laplace")


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(2)
    cells = pd.DataFrame({"g": np.repeat(np.arange(8), 6), "x": np.tile([0, 1], 24)})
    effect = np.where(np.arange(30) < 10, 1.5, 0.0)
    eta = 1.0 + effect[:, None] * cells["x"].to_numpy()
    eta = eta + np.repeat(rng.normal(0, 0.4, (30, 8)), 6, axis=1)
    counts = rng.poisson(np.exp(eta))
    counts[4] = 0
    return gj.fit_many(gj.glmm("~ x + (1 | g)", cells, "poisson"), counts, progress=False)


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(4)
    x, f = rng.uniform(0, 6, 200), np.tile(["a", "b"], 100)
    data = pd.DataFrame({"y": np.sin(x) + rng.normal(0, 0.3, 200), "x": x, "f": f})
    return gj.glmm("y ~ f + s(x, k=6)", data).fit()


SIZES = [(m, g) for m in (5, 9) for g in (9, 30)]
TABLE = pd.DataFrame(
    [(g, m, g * m / 500, g * m / 510, g * m / 480, 0) for m, g in SIZES],
    columns=["groups", "per_group", "power", "lower", "upper", "failed"],
)
# name: (fixture or table, arguments, panels, name of the argument that takes axes)
CASES = {
    "caterpillar": ("sleep", (), 2, "ax"),
    "profile": ("cbpp", ("sd(Intercept|herd)",), 1, "ax"),
    "residuals": ("cbpp", (), 4, "axes"),
    "effect": ("cbpp", ("period",), 1, "ax"),
    "smooth": ("curves", (), 1, "ax"),
    "shrinkage": ("sleep", ("Subject",), 2, "axes"),
    "variance": ("cbpp", (), 1, "ax"),
    "power": (TABLE, (), 1, "ax"),
    "volcano": ("batch", ("x",), 1, "ax"),
    "p_values": ("batch", ("x",), 1, "ax"),
}


def test_every_picture_has_a_case():
    assert set(CASES) == set(gj.plot.__all__)


@pytest.mark.parametrize("name", CASES)
class TestEveryPicture:
    def drawn(self, request, name, axes):
        what, given, _, argument = CASES[name]
        what = request.getfixturevalue(what) if isinstance(what, str) else what
        return getattr(gj.plot, name)(what, *given, **{argument: axes})

    def test_draws_on_the_axes_given_and_leaves_pyplot_alone(self, request, name):
        count = CASES[name][2]
        given = axes_of(count)
        assert not pyplot.get_fignums()
        found = self.drawn(request, name, given)
        assert not pyplot.get_fignums()
        assert np.array_equal(np.ravel(found), np.ravel(given))
        for own in np.ravel(found):
            assert own.has_data()
            assert own.get_xlabel() or own.get_ylabel()

    def test_draws_in_the_colours_of_a_dark_style(self, request, name):
        with mpl.style.context("dark_background"):
            figure = np.ravel(self.drawn(request, name, None))[0].figure
            assert len(pyplot.get_fignums()) == 1
            figure.savefig("/dev/null", format="png")
            for own in figure.axes:
                lines = [line for line in own.lines if len(line.get_xdata())]
                assert all(max(to_rgb(line.get_color())) > 0.3 for line in lines)
        pyplot.close(figure)

    def test_nothing_is_cut_off(self, request, name):
        figure = np.ravel(self.drawn(request, name, None))[0].figure
        figure.canvas.draw()
        box = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1
        pyplot.close(figure)

    def test_says_that_matplotlib_is_missing(self, request, name, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(gj.ModelError, match=r"pip install 'glmmjax\[plot\]'"):
            self.drawn(request, name, None)

    def test_says_what_it_draws(self, name):
        given = CASES[name][1]
        with pytest.raises(gj.ModelError, match=rf"^{name} draws"):
            getattr(gj.plot, name)("nothing", *given)


def points(ax, line: int = 0):
    return np.array(ax.lines[line].get_xydata())


class TestCaterpillar:
    def test_modes_and_intervals(self, cbpp):
        ax = gj.plot.caterpillar(cbpp, level=0.9, ax=axes_of())
        table = cbpp.ranef().sort_values("mode")
        container = ax.containers[0]
        np.testing.assert_allclose(container.lines[0].get_xdata(), table["mode"])
        ends = np.array([own[:, 0] for own in container.lines[2][0].get_segments()])
        half = ndtri(0.95) * table["std_error"].to_numpy()
        np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 2 * half)
        assert [own.get_text() for own in ax.get_yticklabels()] == table["level"].tolist()

    def test_of_a_batch(self, batch):
        ax = gj.plot.caterpillar(batch, ax=axes_of())
        estimates = batch.fixef["x"].dropna().sort_values()
        np.testing.assert_allclose(ax.containers[0].lines[0].get_xdata(), estimates)
        assert ax.get_ylabel() == "member (1 that failed left out)"
        bounds = batch.confint().xs("x", level="term").loc[estimates.index]
        ends = np.array([own[:, 0] for own in ax.containers[0].lines[2][0].get_segments()])
        np.testing.assert_allclose(ends, bounds)

    def test_faults(self, sleep, batch, curves):
        for call, words in (
            (lambda: gj.plot.caterpillar(sleep, "herd"), "group 'herd' is not known; there is Sub"),
            (lambda: gj.plot.caterpillar(sleep, term="x"), "term 'x' is not known; there is Inter"),
            (lambda: gj.plot.caterpillar(batch, "g"), "group goes with one fit"),
            (lambda: gj.plot.caterpillar(batch, term="z"), "term 'z' is not known"),
            (lambda: gj.plot.caterpillar(curves), "the model has none"),
            (lambda: gj.plot.caterpillar(sleep, level=95), "level must lie between 0 and 1"),
            (lambda: gj.plot.caterpillar(sleep, ax=axes_of()), "ax has 1 axes for 2 panels"),
            (lambda: gj.plot.caterpillar(sleep, ax="here"), "ax must be axes of matplotlib"),
        ):
            with pytest.raises(gj.ModelError, match=words):
                call()


class TestProfile:
    def test_points_and_interval(self, cbpp):
        name = "sd(Intercept|herd)"
        found = cbpp.profile([name, "Intercept"])
        ax = found.plot(axes_of(2))[0]
        table = found.table[found.table["parameter"] == name]
        np.testing.assert_allclose(points(ax, 1), table[["value", "zeta"]])
        shaded = ax.patches[0]
        ends = [shaded.get_x(), shaded.get_x() + shaded.get_width()]
        np.testing.assert_allclose(ends, found.confint().loc[name], rtol=2e-3)
        heights = {round(own.get_ydata()[0], 6) for own in ax.lines[2:]}
        quantiles = {round(ndtri(0.5 + p / 2), 6) for p in (0.5, 0.8, 0.95, 0.99)}
        assert heights == quantiles | {-own for own in quantiles}
        only = gj.plot.profile(found, "Intercept", ax=axes_of())
        assert only.get_xlabel() == "Intercept"

    def test_of_a_batch(self, batch):
        ax = gj.plot.profile(batch, "x", ax=axes_of())
        assert not ax.patches
        assert len(ax.lines) == 29 + 8

    def test_faults(self, cbpp):
        found = cbpp.profile("Intercept")
        with pytest.raises(gj.ModelError, match="parm 'x' is not in the profile: Intercept are"):
            gj.plot.profile(found, "x")
        with pytest.raises(gj.ModelError, match=r"parm must be .* and 'x' is none"):
            gj.plot.profile(cbpp, "x")


class TestResiduals:
    def test_points_band_and_test(self, cbpp):
        axes = gj.plot.residuals(cbpp, seed=3, axes=axes_of(4))
        values = np.sort(cbpp.residuals("quantile", seed=3))
        np.testing.assert_allclose(points(axes[0], 1)[:, 1], values)
        p_value = kstest(ndtr(values), "uniform").pvalue
        assert f"p = {p_value:.2g}" in axes[0].get_title("left")
        herds = [own.get_ydata()[0] for own in axes[2].lines[5::7]][:15]
        by_herd = cbpp.residuals("quantile", seed=3).groupby(
            gj.datasets.load("cbpp")["herd"], observed=True
        )
        np.testing.assert_allclose(herds, np.sort(by_herd.median()))
        fitted = cbpp.predict().to_numpy()
        np.testing.assert_allclose(points(axes[3])[:, 0], fitted)
        data = gj.datasets.load("cbpp")
        np.testing.assert_allclose(points(axes[3])[:, 1], data["incidence"] / data["size"])

    def test_the_band_is_that_of_the_test(self):
        """Its edges have a p-value of 5 %, and points are inside of it where theirs is larger."""
        n = 40
        low, high = _residuals.band(n)
        for edge in (ndtr(low), ndtr(high)):
            assert kstest(edge, "uniform").pvalue == pytest.approx(0.05)
        rng = np.random.default_rng(5)
        for _ in range(200):
            drawn = np.sort(rng.normal(rng.choice([0, 0.35]), 1, n))
            p_value = kstest(ndtr(drawn), "uniform").pvalue
            assert ((low <= drawn) & (drawn <= high)).all() == (p_value > 0.05)

    def test_ties_do_not_show_the_order_of_the_data(self):
        x = np.repeat([1.0, 0.0], 500)
        order = _residuals.ordered(x)
        assert np.unique(order).size == 1000
        np.testing.assert_array_equal(x[order], np.sort(x))
        rows = np.array([part.mean() for part in np.array_split(order[:500], 5)])
        assert (abs(rows - 749.5) < 4 * 144 / 10).all()  # 100 of 500 rows: standard deviation 144

    def test_without_groups_a_histogram(self):
        data = pd.DataFrame({"y": np.random.default_rng(1).normal(size=60), "x": np.arange(60.0)})
        axes = gj.plot.residuals(gj.glmm("y ~ x", data).fit(), axes=axes_of(4))
        assert "Density" in axes[2].get_ylabel()

    def test_a_batch_is_refused(self, batch):
        with pytest.raises(gj.ModelError, match=r"residuals draws one fit: choose a member"):
            gj.plot.residuals(batch)


class TestEffect:
    def test_a_factor(self, cbpp):
        ax = gj.plot.effect(cbpp, "period", level=0.9, partial=False, ax=axes_of())
        table = cbpp.means("period", kind="response", level=0.9)
        container = ax.containers[0]
        np.testing.assert_allclose(container.lines[0].get_ydata(), table["estimate"])
        ends = np.array([own[:, 1] for own in container.lines[2][0].get_segments()])
        np.testing.assert_allclose(ends, table[["lower", "upper"]])

    def test_a_number_with_partial_residuals(self, epil):
        """With a log link the points are `y m / mu`, `m` the line."""
        for kind in ("response", "link"):
            ax = gj.plot.effect(epil, "lbase4", "trt", kind=kind, ax=axes_of())
            assert "partial residuals" in ax.get_ylabel()
            data = gj.datasets.load("epil")
            y, mu = data["y"].to_numpy(), epil.predict().to_numpy()
            for number, level in enumerate(("placebo", "progabide")):
                line, dots = points(ax, 2 * number), points(ax, 2 * number + 1)
                here = (data["trt"] == level).to_numpy()
                at = data["lbase4"].to_numpy()[here]
                known = np.unique(at)
                means = epil.means("lbase4", "trt", at={"lbase4": known}, kind="link").loc[level]
                eta = means["estimate"].to_numpy()[np.searchsorted(known, at)]
                left = (y / mu)[here]
                expected = left * np.exp(eta) if kind == "response" else eta + left - 1
                np.testing.assert_allclose(dots[:, 0], at)
                np.testing.assert_allclose(dots[:, 1], expected, rtol=1e-6, atol=1e-12)
                grid = epil.means("lbase4", "trt", kind=kind, at={"lbase4": line[:, 0]}).loc[level]
                np.testing.assert_allclose(line[:, 1], grid["estimate"])
            assert ax.lines[0].get_color() != ax.lines[2].get_color()
            assert ax.lines[0].get_linestyle() != ax.lines[2].get_linestyle()

    def test_linear_partial_residuals(self, sleep):
        ax = gj.plot.effect(sleep, "Days", ax=axes_of())
        data = gj.datasets.load("sleepstudy")
        left = data["Reaction"].to_numpy() - sleep.predict().to_numpy()
        line = sleep.fixef["Intercept"] + sleep.fixef["Days"] * data["Days"].to_numpy()
        np.testing.assert_allclose(points(ax, 1)[:, 1], line + left)

    def test_binary_responses_are_as_observed(self):
        rng = np.random.default_rng(1)
        data = pd.DataFrame({"y": rng.integers(0, 2, 60), "x": rng.normal(size=60)})
        fit = gj.glmm("y ~ x", data, "bernoulli").fit()
        ax = gj.plot.effect(fit, "x", ax=axes_of())
        np.testing.assert_allclose(points(ax, 1), data[["x", "y"]])
        assert "observed responses" in ax.get_ylabel()
        assert len(gj.plot.effect(fit, "x", kind="link", ax=axes_of()).lines) == 1

    def test_faults(self, cbpp, curves, batch):
        for call, words in (
            (lambda: gj.plot.effect(cbpp, "herd"), "There is no variable 'herd'"),
            (lambda: gj.plot.effect(cbpp, "period", "period"), "each name once"),
            (lambda: gj.plot.effect(cbpp, ["period"]), "variable must be the name of a variable"),
            (lambda: gj.plot.effect(cbpp, "period", kind="log"), "kind must be"),
            (lambda: gj.plot.effect(curves, "f"), "curves of smooths"),
            (lambda: gj.plot.effect(batch, "x"), "effect draws one fit"),
        ):
            with pytest.raises(gj.ModelError, match=words):
                call()


class TestSmooth:
    def test_against_mgcv(self, curves):
        """mgcv 1.8-41: `predict(gam(y ~ f + s(x, k = 6, bs = "cr"), method = "ML"), type = "terms",
        se.fit = TRUE, unconditional = TRUE)` at five values over the range; its scale is over the
        residual degrees of freedom, 193 of 200, so that its errors are up to 2 % larger."""
        ax = gj.plot.smooth(curves, level=2 * ndtr(1) - 1, ax=axes_of())
        x, height = points(ax).T
        at = np.linspace(x[0], x[-1], 5)
        expected = [-0.054169626, 1.088640872, 0.171501574, -0.891932226, -0.150781076]
        np.testing.assert_allclose(CubicSpline(x, height)(at), expected, atol=2e-4)
        edge = ax.collections[0].get_paths()[0].vertices
        low, high = (pick(edge[edge[:, 0] == x[0], 1]) for pick in (min, max))
        assert 0.98 < (high - low) / 2 / 0.098488107 < 1.0

    def test_the_curve_is_that_of_predictions(self, curves):
        """Up to a constant, and centred at the rows."""
        ax = gj.plot.smooth(curves, ax=axes_of())
        x, height = points(ax).T
        new = pd.DataFrame({"x": x, "f": "a"})
        predicted = curves.predict(new, level="population").to_numpy()
        np.testing.assert_allclose(height - height[0], predicted - predicted[0], atol=1e-8)
        rows = np.interp(curves.model.core.design.frame["x"], x, height)
        assert abs(rows.mean()) < 2e-3

    def test_faults(self, cbpp, curves, batch):
        for call, words in (
            (lambda: gj.plot.smooth(cbpp), "the model has none"),
            (lambda: gj.plot.smooth(curves, "s(z)"), r"term 's\(z\)' is not known"),
            (lambda: gj.plot.smooth(batch), "smooth draws one fit"),
        ):
            with pytest.raises(gj.ModelError, match=words):
                call()


def test_shrinkage(sleep):
    axes = gj.plot.shrinkage(sleep, "Subject", axes=axes_of(2))
    table = sleep.partial_pooling("Subject")
    for ax, term in zip(axes, ("Intercept", "Days"), strict=True):
        own = table[table["term"] == term].sort_values("partial")
        _, alone, *_, partial = ax.collections
        np.testing.assert_allclose(alone.get_offsets()[:, 0], own["none"])
        np.testing.assert_allclose(partial.get_offsets()[:, 0], own["partial"])
        assert ax.lines[0].get_xdata()[0] == own["complete"].iloc[0]
    with pytest.raises(gj.ModelError, match="no grouping factor 'herd'"):
        gj.plot.shrinkage(sleep, "herd")


class TestVariance:
    def test_the_numbers_of_r2_and_icc(self, cbpp):
        ax = gj.plot.variance(cbpp, ax=axes_of())
        fixed, herd, observation = (own.patches[0].get_width() for own in ax.containers)
        r2, icc = cbpp.r2(), cbpp.icc()
        assert fixed == pytest.approx(100 * r2["marginal"])
        assert fixed + herd == pytest.approx(100 * r2["conditional"])
        assert herd / (herd + observation) == pytest.approx(icc["adjusted"])
        assert fixed + herd + observation == pytest.approx(100)

    def test_of_a_batch(self, batch):
        ax = gj.plot.variance(batch, ax=axes_of())
        assert "of 29 members" in ax.get_ylabel()
        medians = [own.get_ydata()[0] for own in ax.lines[5::7]]
        assert len(ax.get_xticks()) == 3
        assert np.median(batch.r2()["marginal"].dropna()) * 100 == pytest.approx(min(medians))


def test_power():
    ax = gj.plot.power(TABLE, ax=axes_of())
    for container, (_, rows) in zip(ax.containers, TABLE.groupby("per_group"), strict=True):
        np.testing.assert_allclose(container.lines[0].get_ydata(), rows["power"])
        ends = np.array([own[:, 1] for own in container.lines[2][0].get_segments()])
        np.testing.assert_allclose(ends, rows[["lower", "upper"]])
    assert ax.lines[0].get_ydata()[0] == 0.8
    one = gj.plot.power(TABLE[TABLE["groups"] == 9], ax=axes_of(), level_line=None)
    assert one.get_xlabel() == "Rows a group"
    for given in (0, 2, "a"):
        with pytest.raises(gj.ModelError, match="level_line must lie between 0 and 1"):
            gj.plot.power(TABLE, level_line=given)


class TestScreening:
    def test_volcano(self, batch):
        ax = gj.plot.volcano(batch, "x", alpha=0.1, ax=axes_of())
        table = batch.to_frame().query("term == 'x'").dropna()
        found = table["p_adjusted"] <= 0.1
        for line, own in zip(ax.lines, (table[~found], table[found]), strict=False):
            np.testing.assert_allclose(line.get_xdata(), own["estimate"])
            np.testing.assert_allclose(line.get_ydata(), -np.log10(own["p_value"]))
        strongest = table[found].nsmallest(8, "p_value")["member"].astype(str)
        assert {own.get_text().strip() for own in ax.texts} == set(strongest)
        with pytest.raises(gj.ModelError, match="alpha must lie"):
            gj.plot.volcano(batch, "x", alpha=5)

    def test_p_values(self, batch):
        ax = gj.plot.p_values(batch, ax=axes_of())
        values = batch.to_frame().query("term == 'x'")["p_value"].dropna()
        heights = [own.get_height() for own in ax.patches]
        np.testing.assert_array_equal(heights, np.histogram(values, 20, (0, 1))[0])
        share = min(1, 2 * (values > 0.5).mean())
        assert ax.lines[0].get_ydata()[0] == pytest.approx(29 / 20)
        assert ax.lines[1].get_ydata()[0] == pytest.approx(share * 29 / 20)

    def test_the_share_of_nulls(self):
        rng = np.random.default_rng(3)
        values = np.concatenate([rng.uniform(size=8000), rng.beta(0.05, 20, 2000)])
        assert _screening.share_of_nulls(values) == pytest.approx(0.8, abs=0.03)

    def test_a_fit_is_refused(self, cbpp):
        for draw in (gj.plot.volcano, gj.plot.p_values):
            with pytest.raises(gj.ModelError, match="members of a batch, and this is one fit"):
                draw(cbpp, "x")


class TestStyle:
    def test_colours_stand_out_on_light_and_dark_pages(self):
        """The contrast of WCAG 2, at least 3 to white and to #121212."""

        def luminance(colour):
            own = np.array(to_rgb(colour))
            linear = np.where(own <= 0.04045, own / 12.92, ((own + 0.055) / 1.055) ** 2.4)
            return linear @ [0.2126, 0.7152, 0.0722]

        for colour in (*_style.COLOURS, _style.GREY):
            own = luminance(colour)
            assert 1.05 / (own + 0.05) >= 3
            assert (own + 0.05) / (luminance("#121212") + 0.05) >= 3

    def test_long_names_are_told_apart(self):
        names = [f"Hospital of Saint Somebody number {k} in the north" for k in range(300)]
        short = _style.told_apart(names)
        assert len(set(short)) == 300
        assert max(map(len, short)) <= 24
        assert _style.told_apart(["a", "b"]) == ["a", "b"]
        assert _style.shortened("a$b$") == r"a\$b\$"

    def test_many_levels_are_thinned(self):
        ax = axes_of()
        _style.name_levels(ax, [f"level {k}" for k in range(500)])
        assert 5 <= len(ax.get_yticks()) <= 40
        ax = axes_of()
        _style.name_levels(ax, ["a treatment with a name", "another one of them"], axis="x")
        assert [own.get_rotation() for own in ax.get_xticklabels()] == [0, 0]
