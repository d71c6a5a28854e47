"""What a person on a terminal sees while a program is compiled."""

from contextlib import AbstractContextManager

from rich.console import Console


def spinner() -> AbstractContextManager:
    """A context in which a line on the terminal says what is waited for."""
    console = Console(stderr=True)
    return console.status("Compiling for a model of this kind and size, once")
