"""The one exception of the package."""

import numbers
from typing import Any


class ModelError(ValueError):
    """The input does not describe a model that can be fitted; the message is one sentence that says
    why.

    Everything that a caller can do wrong (a formula, a column, an argument) raises this class. A
    model that is valid but whose fit did not end well is no error: it has a `Status`.
    """


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a batch; `batch` holds the members that were finished (the others have a status
    that says so)."""

    def __init__(self, batch: Any):
        super().__init__(
            "Interrupted; the finished members are in the attribute `batch` of this exception."
        )
        self.batch = batch


def check_share(argument: str, value: Any) -> None:
    """Raise a `ModelError` unless `value` is a probability other than 0 and 1."""
    if not isinstance(value, numbers.Real) or not 0 < float(value) < 1:
        raise ModelError(f"{argument} must lie between 0 and 1, not {value!r}.")
