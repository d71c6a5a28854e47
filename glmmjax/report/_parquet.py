"""The table of a batch as a Parquet file."""

import os

from .._errors import ModelError
from .._files import write_whole
from ..fit import Fits
from ..inference import tidy


def write_parquet(fits: Fits, path: str | os.PathLike) -> None:
    """Write `tidy(fits)`; `ModelError` without pyarrow, for names that Parquet does not take, or
    where it fails."""
    try:
        content = tidy(fits).to_parquet(None, index=False)
    except ImportError as error:
        raise ModelError(
            "Writing Parquet needs pyarrow: pip install 'glmmjax[parquet]'."
        ) from error
    except (TypeError, ValueError) as error:
        raise ModelError(
            "Parquet takes no names of members of several kinds: give them names of one kind."
        ) from error
    write_whole(path, lambda file: file.write(content))
