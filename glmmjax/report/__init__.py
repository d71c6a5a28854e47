"""What a person reads, and what a file keeps."""

from ._file import load_fit, save_fit
from ._parquet import write_parquet
from ._result import RESULTS, to_dict
from ._summary import RATIOS, SECTIONS, Summary, group_sizes, summarise
from ._table import format_column, format_number, format_p_value
