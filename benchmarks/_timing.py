"""What every benchmark shares: repeated timing, the machine in words, a table, and peers that live
in R."""

import importlib.metadata
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence

import pandas as pd


def milliseconds(call: Callable[[], object], *, repeats: int) -> float:
    """Median time of one call after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def machine(*packages: str) -> str:
    """Processor, cores and versions."""
    model = "unknown processor"
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in packages if installed(name)
    )
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def installed(package: str) -> bool:
    """Whether a distribution is installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def r_milliseconds(
    data: pd.DataFrame, library: str, fit: str, *, repeats: int, responses: Sequence[str] = ("y",)
) -> float | None:
    """Median time of the R expression `fit` on `data` (called `d`), None where R or `library` is
    missing.

    Each of the columns `responses` is `d$y` in turn, `repeats` times.
    """
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "data.csv"
        data.to_csv(path, index=False)
        script = f"""
            if (!suppressWarnings(require({library}, quietly = TRUE))) quit(status = 3)
            d <- read.csv("{path}"); d$g <- factor(d$g)
            times <- c()
            for (name in c({", ".join(f'"{name}"' for name in responses)})) {{
                d$y <- d[[name]]
                if (length(times) == 0) {fit}
                times <- c(times, replicate({repeats}, system.time({fit})[["elapsed"]]))
            }}
            cat("RESULT", 1000 * median(times))
        """
        done = subprocess.run(
            ["Rscript", "-e", script], capture_output=True, text=True, check=False
        )
    if done.returncode == 3:
        return None
    if done.returncode or "RESULT" not in done.stdout:
        raise RuntimeError(done.stderr)
    return float(done.stdout.split("RESULT")[1])


def table(rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *body))
