"""Columns of a random term that are those of a model matrix: `(1 + x | g)`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._matrix import Recipe


@dataclass(frozen=True, eq=False)
class MatrixColumns:
    """The columns of `recipe` at the places `keep`; the others are zero in every row that was
    fitted."""

    recipe: Recipe
    keep: np.ndarray

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, None]:
        return self.recipe(frame)[:, self.keep], None

    def beyond(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows have something in a column that is not kept, (m,) bool: an effect that the
        model lacks."""
        return np.asarray(np.delete(self.recipe(frame), self.keep, axis=1).any(axis=1))
