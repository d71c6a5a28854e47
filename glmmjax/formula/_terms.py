"""What a formula says, as data."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class RandomFormula:
    """One random term, such as `(1 + x | g)`.

    - `columns`: a right-hand side for formulaic, `"1 + x"`. As in R an intercept is implied: `"x"` has one,
        `"0 + x"` and `"x - 1"` do not.
    - `factors`: the columns whose combinations are the groups: `("g",)`, or `("a", "b")` for `a:b`.
    - `covariance`: the structure of one level's covariance, `"us"` (unstructured, `|`) or `"diag"` (`||`).
    - `text`: the term as written, in normal spacing; messages and summaries show it.
    """

    columns: str
    factors: tuple[str, ...]
    covariance: str
    text: str

    @property
    def group(self) -> str:
        """The name of the grouping factor: `"g"` or `"a:b"`."""
        return ":".join(self.factors)


@dataclass(frozen=True)
class ParsedFormula:
    """A formula taken apart.

    - `text`: the whole formula, on one line.
    - `response`: the left-hand side, still text; `""` if there is none.
    - `fixed`: the right-hand side without random terms and offsets, for formulaic; `"1"` if nothing is left.
    - `random`: the random terms in the order written, `(1 | a/b)` already expanded.
    - `offsets`: what stood inside each `offset(...)`.
    """

    text: str
    response: str
    fixed: str
    random: tuple[RandomFormula, ...]
    offsets: tuple[str, ...]

    def with_response(self, response: str) -> "ParsedFormula":
        """The same right-hand side below another response."""
        right = self.text[len(self.response) :].lstrip()
        return replace(self, text=f"{response} {right}", response=response)
