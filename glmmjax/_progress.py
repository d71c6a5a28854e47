"""A bar for long work: members done, rate, time left, failures. Silent where nobody looks."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[int, int], None]
"""Members that are newly done, and how many of them failed."""


@contextlib.contextmanager
def progress_bar(total: int, *, title: str, shown: bool | None) -> Iterator[Report]:
    """Give a `Report`. `shown=None` shows the bar on a terminal or in a notebook, and nowhere
    else."""
    console = None if shown is False else Console(stderr=True)
    if console is None or not (shown or console.is_terminal or console.is_jupyter):
        yield lambda done, failed: None
        return
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total, rate="", failed=0)

        def report(done: int, failed: int) -> None:
            state = bar.tasks[task]
            elapsed = state.elapsed or 0.0
            rate = f"{(state.completed + done) / elapsed:,.0f}/s" if elapsed else ""
            bar.update(task, advance=done, rate=rate, failed=state.fields["failed"] + failed)

        yield report
