"""What a formula says, as data."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class RandomFormula:
    """One random term, such as `(1 + x | g)`.

    - `columns`: a right-hand side for formulaic, `"1 + x"`. As in R an intercept is implied: `"x"`
        has one, `"0 + x"` and `"x - 1"` do not.
    - `factors`: the columns whose combinations are the groups: `("g",)`, or `("a", "b")` for `a:b`.
    - `covariance`: the structure of one level's covariance: `"us"` (unstructured, `|`), `"diag"`
        (`||`), or the name in front of the brackets, `"ar1"` for `ar1(t | g)`.
    - `text`: the term as written, in normal spacing; messages and summaries show it.
    - `rank`: how many factors a covariance of reduced rank has, the `d=` of `rr`; None for others.
    - `matrix`: the name of the known matrix of `propto`; None for others.
    """

    columns: str
    factors: tuple[str, ...]
    covariance: str
    text: str
    rank: int | None = None
    matrix: str | None = None

    @property
    def group(self) -> str:
        """The name of the grouping factor, `"g"` or `"a:b"`; of a term without one its text."""
        return ":".join(self.factors) or self.text


@dataclass(frozen=True)
class SmoothFormula:
    """One smooth term, such as `s(x, k=10, by=g)`.

    - `variable`: a Python expression, `"x"` or `"log(x)"`.
    - `k`: the number of knots, which is the number of coefficients.
    - `by`: the column that the curve is multiplied by, or that has a curve for each of its levels;
        None if there is none. The main effect of a factor is not part of the smooth: write `g +
        s(x, by=g)`.
    - `text`: the term in normal spacing.
    """

    variable: str
    k: int
    by: str | None
    text: str


@dataclass(frozen=True)
class ParsedFormula:
    """A formula taken apart.

    - `text`: the whole formula, on one line.
    - `response`: the left-hand side, still text; `""` if there is none.
    - `fixed`: the right-hand side without random terms, offsets and smooths, for formulaic; `"1"`
      if nothing is left.
    - `random`: the random terms in the order written, `(1 | a/b)` already expanded.
    - `offsets`: what stood inside each `offset(...)`.
    - `smooths`: the smooth terms in the order written.
    """

    text: str
    response: str
    fixed: str
    random: tuple[RandomFormula, ...]
    offsets: tuple[str, ...]
    smooths: tuple[SmoothFormula, ...] = ()

    def with_response(self, response: str) -> "ParsedFormula":
        """The same right-hand side below another response."""
        right = self.text[len(self.response) :].lstrip()
        return replace(self, text=f"{response} {right}", response=response)

    def with_random(self, random: tuple[RandomFormula, ...]) -> "ParsedFormula":
        """The same formula with other random terms."""
        added = [term.text for term in (*random, *self.smooths)]
        added += [f"offset({offset})" for offset in self.offsets]
        text = f"{self.response} ~ {' + '.join([self.fixed, *added])}".lstrip()
        return replace(self, text=text, random=random)
