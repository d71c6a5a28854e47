"""Data sets that come with the package; each file's source stands in `SOURCES`."""

import os
import pathlib
import zipfile
import zlib
from typing import Any

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse

from .._errors import ModelError

SOURCES = {
    "spinal": (
        "Spinal-implant trial: success of 126 patients at two visits (outcome counts 63, 16, 12,"
        " 35)."
    ),
    "cbpp": (
        "Contagious bovine pleuropneumonia in 15 herds over four periods (Lesnoff et al. 2004; R's"
        " lme4)."
    ),
    "sleepstudy": (
        "Reaction times of 18 subjects over ten days of sleep deprivation (Belenky et al. 2003; R's"
        " lme4)."
    ),
    "epil": "Seizure counts of 59 epileptics in four periods (Thall and Vail 1990; R's MASS).",
}
_LEVELS = {
    "cbpp": {"herd": [str(k) for k in range(1, 16)], "period": ["1", "2", "3", "4"]},
    "sleepstudy": {"Subject": None},
    "epil": {"trt": ["placebo", "progabide"]},
}


def load(name: str) -> pd.DataFrame:
    """The data set called `name` (a key of `SOURCES`), factors as categoricals."""
    if name not in SOURCES:
        raise ModelError(f"There is no data set {name!r}; choose one of {', '.join(SOURCES)}.")
    levels = _LEVELS.get(name, {})
    path = pathlib.Path(__file__).with_name(f"{name}.csv")
    data = pd.read_csv(path, dtype=dict.fromkeys(levels, str))
    for column, order in levels.items():
        data[column] = pd.Categorical(data[column], categories=order)
    return data


def read_table(path: str | os.PathLike) -> pd.DataFrame:
    """A CSV or Parquet file (by its ending) as a table; `ModelError` if it cannot be read as
    one."""
    path = pathlib.Path(path)
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            with path.open("rb") as file:
                return pd.read_parquet(file)
        # Of pandas' many words for a missing value only R's and its own: "None" is a level in real
        # data.
        return pd.read_csv(path, keep_default_na=False, na_values=["", "NA", "NaN", "nan"])
    except ImportError as error:
        raise ModelError(
            "Reading Parquet needs pyarrow: pip install 'glmmjax[parquet]'."
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} cannot be read as a table: {_reason(error)}.") from error


def read_responses(path: str | os.PathLike) -> Any:
    """Responses for `gj.fit_many`; `ModelError` if the file cannot be read as what its ending says.

    Matrix Market (`.mtx`), scipy's sparse `.npz` and `.npy` have a member in every row, a table one
    in every column.
    """
    path = pathlib.Path(path)
    readers = {".mtx": scipy.io.mmread, ".npz": scipy.sparse.load_npz, ".npy": np.load}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        return read_table(path)
    try:
        with path.open("rb") as file:
            return reader(file)
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # of which bytes that are none of these formats can raise any
        raise ModelError(f"{path} cannot be read as {path.suffix}.") from error


def _unreadable(path: pathlib.Path, error: OSError) -> ModelError:
    return ModelError(f"{path} cannot be read: {error.strerror or _reason(error)}.")


def _reason(error: Exception) -> str:
    """The first line of what a library says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
