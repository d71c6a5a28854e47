"""Tables that say how their numbers were made."""

import abc
import html
import textwrap
from typing import Any

import pandas as pd

_TOLD = {"p_value", "lower"}
_WIDTH = 79


class NotedRow(pd.Series):
    """A row of a `Noted` table, which says the same below itself."""

    @property
    def _constructor(self):
        return NotedRow

    @property
    def _constructor_expanddim(self):
        return Noted

    def __repr__(self) -> str:
        return _with_note(super().__repr__(), _note(self, self.index))


class AbstractNoted(pd.DataFrame, abc.ABC):
    """A table with p-values or intervals, below which stands by what method they were made and what
    that assumes: the sentences of `attrs["method"]`."""

    @property
    @abc.abstractmethod
    def _constructor(self):
        """What a part of such a table is."""

    @property
    def _constructor_sliced(self):
        return NotedRow

    def __repr__(self) -> str:
        return _with_note(super().__repr__(), _note(self, self.columns))

    def _repr_html_(self) -> str | None:
        table, note = _html(pd.DataFrame(self)), _note(self, self.columns)
        return f"{table}<p>{html.escape(note)}</p>" if table and note else table


class Noted(AbstractNoted):
    """Such a table and nothing else."""

    @property
    def _constructor(self):
        return Noted


def noted(table: pd.DataFrame, method: str) -> Noted:
    """The same table with sentences on how it was made, one a line."""
    found = Noted(table)
    found.attrs["method"] = method
    return found


def in_lines(note: str) -> str:
    """Sentences that fit a terminal."""
    return "\n".join(textwrap.fill(line, _WIDTH) for line in note.splitlines())


def _note(table: pd.DataFrame | pd.Series, names: pd.Index) -> str:
    return str(table.attrs.get("method", "")) if _TOLD & set(names) else ""


def _with_note(text: str, note: str) -> str:
    return f"{text}\n{in_lines(note)}" if note else text


def _html(table: Any) -> str | None:
    """What a notebook shows, which the types of pandas do not know."""
    return table._repr_html_()
