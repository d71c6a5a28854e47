"""What a person reads, and what a file keeps."""

from ._file import load_solution as load_solution
from ._file import save_solution as save_solution
from ._file import to_dict as to_dict
from ._summary import Summary as Summary
from ._summary import summarise as summarise
