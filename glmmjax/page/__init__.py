"""One self-contained HTML page about a fit: the model, tables, pictures."""

from ._page import page_of, write_page
from ._settings import Settings
