"""A batch in a process of its own: `worker.py OUT [checkpoint=FOLDER] [process=K port=P]` writes
its numbers to OUT."""

import sys
import time

import jax
import numpy as np

import glmmjax as gj
from glmmjax.batch import _run

OUT, *GIVEN = sys.argv[1:]
OPTIONS = dict(option.split("=") for option in GIVEN)

if "process" in OPTIONS:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        f"127.0.0.1:{OPTIONS['port']}", num_processes=2, process_id=int(OPTIONS["process"])
    )


def responses() -> tuple[dict, np.ndarray]:
    """Ten groups of five, and 23 responses of which one is separated and one missing."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(10), 5)
    x = rng.normal(size=50)
    p = 1 / (1 + np.exp(-0.3 - 0.5 * x - rng.normal(size=(23, 10))[:, g]))
    y = (rng.uniform(size=p.shape) < p).astype(float)
    y[20] = x > 0
    y[3, 3] = np.nan
    return {"g": g, "x": x}, y


def main():
    """Fit, slowly if asked to, and write."""
    meshes, begun = [], _run._fit_slice

    def watched(job, *rest):
        meshes.append(len(job.devices))
        time.sleep(float(OPTIONS.get("slow", 0)))
        return begun(job, *rest)

    _run._fit_slice = watched
    data, y = responses()
    model = gj.glmm("~ x + (1 | g)", data, "bernoulli")
    batch = gj.fit_many(
        model, y, chunk_size=int(OPTIONS.get("chunk", 100)), checkpoint=OPTIONS.get("checkpoint")
    )
    found = batch.fits.outcome
    arrays = {
        name: value
        for name, value in found._asdict().items()
        if name not in ("theta", "covariance")
    }
    np.savez(
        OUT,
        mesh=meshes,
        devices=jax.local_device_count(),
        theta=found.theta[0],
        covariance=found.covariance[0],
        **arrays,
    )


if __name__ == "__main__":
    main()
