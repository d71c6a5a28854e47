"""Ctrl-C in the middle of a batch."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from .._errors import Interrupted


@contextlib.contextmanager
def stoppable(wrap: Callable[[Any], Any]) -> Iterator[None]:
    """Hand an interrupted batch on as the object that a user knows, which `wrap` makes of it."""
    try:
        yield
    except Interrupted as stop:
        raise Interrupted(wrap(stop.batch)) from None
