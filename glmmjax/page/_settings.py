"""What a reader may choose."""

from typing import NamedTuple


class Settings(NamedTuple):
    """Attributes:
    title: of the page; None for one made of the model.
    anova: type of the tests of terms, 2 or 3.
    profile: whether intervals are of the profile of the likelihood, rather than Wald's.
    level: of the intervals.
    """

    title: str | None = None
    anova: int = 2
    profile: bool = False
    level: float = 0.95
