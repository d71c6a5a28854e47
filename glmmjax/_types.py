"""Array types that more than one module names."""

import jax
import numpy as np

Array = jax.Array | np.ndarray
"""NumPy's arrays at rest (their precision does not depend on JAX's configuration), JAX's inside a
computation."""
