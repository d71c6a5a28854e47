"""Columns of a random term that are those of a model matrix: `(1 + x | g)`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from ._matrix import rebuild_matrix


@dataclass(frozen=True, eq=False)
class MatrixColumns:
    """The columns that `spec` gives."""

    spec: ModelSpec

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, None]:
        return rebuild_matrix(self.spec, frame), None
