"""What a page shows of some fits and not of others."""

import functools
from collections.abc import Callable
from typing import ParamSpec

from .._errors import ModelError
from ._html import Html, paragraph, tag

P = ParamSpec("P")


def offered(what: str) -> Callable[[Callable[P, Html]], Callable[P, Html]]:
    """A part of the page that, where the model does not have it, says so and why in a line."""

    def wrapped(make: Callable[P, Html]) -> Callable[P, Html]:
        @functools.wraps(make)
        def or_reason(*args: P.args, **kwargs: P.kwargs) -> Html:
            try:
                return make(*args, **kwargs)
            except ModelError as error:
                return not_shown(what, error)

        return or_reason

    return wrapped


def not_shown(what: str, error: ModelError) -> Html:
    """That something is not there, and why."""
    return paragraph(tag("strong", f"{what}: "), f"not shown. {error}", class_="none")
