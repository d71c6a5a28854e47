"""What a person reads, and what a file keeps."""

from ._file import load_fit as load_fit
from ._file import save_fit as save_fit
from ._file import to_dict as to_dict
from ._parquet import write_parquet as write_parquet
from ._summary import Summary as Summary
from ._summary import summarise as summarise
