"""A bar for long work: members done, rate, time left, failures. Silent where nobody looks."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ._later import Later

if TYPE_CHECKING:
    from rich import console as rich_console
    from rich import progress as rich_progress
else:
    rich_console, rich_progress = Later("rich.console"), Later("rich.progress")

Report = Callable[[int, int], None]
"""Members that are newly done, and how many of them failed."""


@contextlib.contextmanager
def progress_bar(total: int, *, title: str, shown: bool | None) -> Iterator[Report]:
    """Give a `Report`. `shown=None` shows the bar on a terminal or in a notebook, and nowhere
    else."""
    console = None if shown is False else rich_console.Console(stderr=True)
    if console is None or not (shown or console.is_terminal or console.is_jupyter):
        yield lambda done, failed: None
        return
    columns = (
        rich_progress.TextColumn(title),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[rate]}"),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[failed]} failed"),
    )
    with rich_progress.Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total, rate="", failed=0)

        def report(done: int, failed: int) -> None:
            state = bar.tasks[task]
            elapsed = state.elapsed or 0.0
            rate = f"{(state.completed + done) / elapsed:,.0f}/s" if elapsed else ""
            bar.update(task, advance=done, rate=rate, failed=state.fields["failed"] + failed)

        yield report
