"""No search for garbage while much is made that stays."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Tracing and loading modules make many objects that stay: looking for garbage among them, and
    among all that the process holds, takes a third of a trace and a tenth of an import."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
