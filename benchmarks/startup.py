"""What a person waits for: the command line's first and second run as whole processes, and `import
glmmjax`.

    python benchmarks/startup.py

The first run starts with an empty compilation cache, the second reads it. `Rscript` with glmer is
the peer.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from _timing import machine, table

SPINAL = [
    "success ~ visit + (1 | patient)",
    "--family",
    "bernoulli",
    "--method",
    "aghq",
    "--points",
    "25",
]
PEER = (
    "suppressMessages(library(lme4)); d <- read.csv('{path}'); "
    "print(summary(glmer(success ~ visit + (1 | patient), d, binomial, nAGQ = 25)))"
)


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    repeats = 7
    run = [sys.executable, "-m", "glmmjax", "fit", "spinal", *SPINAL]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"GLMMJAX_CACHE": cache}
        first = seconds(run, environment)
        later = [seconds(run, environment) for _ in range(repeats)]
        bare = [
            seconds([sys.executable, "-c", "import glmmjax"], environment) for _ in range(repeats)
        ]
        ready = [
            seconds([sys.executable, "-c", "import glmmjax; glmmjax.glmm"], environment)
            for _ in range(repeats)
        ]
    print(machine("glmmjax", "jax"), "\n")
    rows = [
        ("whole process", "s"),
        ("command line, first run", f"{first:.2f}"),
        ("command line, second run", f"{statistics.median(later):.2f}"),
        ("import glmmjax", f"{statistics.median(bare):.2f}"),
        ("import glmmjax, first use of gj.glmm", f"{statistics.median(ready):.2f}"),
    ]
    if shutil.which("Rscript"):
        import glmmjax.datasets

        path = os.path.join(os.path.dirname(glmmjax.datasets.__file__), "spinal.csv")
        peer = [
            seconds(["Rscript", "-e", PEER.format(path=path)], dict(os.environ))
            for _ in range(repeats)
        ]
        rows.append(("Rscript with glmer, the same fit", f"{statistics.median(peer):.2f}"))
    print(table(rows))


if __name__ == "__main__":
    main()
