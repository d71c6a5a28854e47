"""What a person reads, and what a file keeps."""

from ._file import load_fit as load_fit
from ._file import save_fit as save_fit
from ._parquet import write_parquet as write_parquet
from ._result import RESULTS as RESULTS
from ._result import to_dict as to_dict
from ._summary import SECTIONS as SECTIONS
from ._summary import Summary as Summary
from ._summary import summarise as summarise
