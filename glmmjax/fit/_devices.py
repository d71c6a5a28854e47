"""One model on several devices: each takes some of the blocks of rows, and XLA adds their sums
up."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .._errors import ModelError
from ..model import GLMM


def share(glmm: GLMM, devices: Sequence[Any]) -> GLMM:
    """The model with its blocks (and so its groups) shared among `devices`; what has no axis of
    blocks is everywhere.

    Raises `ModelError` if they are no devices, or the blocks cannot be shared evenly.
    """
    if isinstance(devices, str) or not all(isinstance(device, jax.Device) for device in devices):
        raise ModelError(
            f"devices must be a list of JAX's devices, such as jax.devices(), not {devices!r}."
        )
    devices = list(devices)
    blocks = glmm.weights.shape[0]
    if not devices or blocks % len(devices):
        fitting = [k for k in range(1, len(devices)) if blocks % k == 0]
        raise ModelError(
            f"devices: the {blocks} blocks of rows of this model cannot be shared evenly among"
            f" {len(devices)} devices; give {fitting[-1] if fitting else 1}."
        )
    mesh = Mesh(np.array(devices), ("groups",))

    def place(leaf: Any) -> Any:
        axes: list[str | None] = [None] * leaf.ndim
        if leaf.shape[-2:] == glmm.weights.shape:
            axes[-2] = "groups"
        elif leaf.ndim == 1 and len(leaf) == blocks:
            axes[0] = "groups"
        return jax.device_put(leaf, NamedSharding(mesh, PartitionSpec(*axes)))

    return jax.tree.map(place, glmm)
