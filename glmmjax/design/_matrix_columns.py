"""Columns of a random term that are those of a model matrix: `(1 + x | g)`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._matrix import Recipe


@dataclass(frozen=True, eq=False)
class MatrixColumns:
    """The columns that `recipe` gives."""

    recipe: Recipe

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, None]:
        return self.recipe(frame), None
