"""One model with its groups shared among devices gives the same answer."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pandas as pd
import pytest

import glmmjax as gj

SCRIPT = """
import json, sys
import jax, numpy as np, pandas as pd
import glmmjax as gj
rng = np.random.default_rng(0)
g, h = np.repeat(np.arange(64), 5), rng.integers(0, 8, 320)
rate = np.exp(rng.normal(0, 0.6, 64)[g] + rng.normal(0, 0.4, 8)[h])
data = pd.DataFrame({"g": g, "h": h, "y": rng.poisson(rate)})
model = gj.glmm("y ~ 1 + (1 | g) + (1 | h)", data, family="poisson")
found = []
for devices in (None, jax.devices(), jax.devices()[1:]):
    fit = model.fit(devices=devices)
    sds, modes = fit.varcorr().sdcor, fit.ranef()["mode"][:5]
    found.append([fit.loglik, fit.fixef.iloc[0], fit.std_errors.iloc[0], *sds, *modes])
print(json.dumps({"devices": len(jax.devices()), "found": found}))
"""


def test_two_devices_give_what_one_gives():
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["devices"] == 2
    one, *others = result["found"]
    for found in others:
        np.testing.assert_allclose(found, one, rtol=1e-9, atol=1e-12)


def test_blocks_that_cannot_be_shared_evenly():
    data = pd.DataFrame({"g": np.repeat(np.arange(5), 4), "y": np.arange(20) % 3})
    model = gj.glmm("y ~ 1 + (1 | g)", data, family="poisson")
    with pytest.raises(
        gj.ModelError, match="the 6 blocks of rows of this model cannot be shared evenly among 4"
    ):
        model.fit(devices=jax.devices() * 4)
    with pytest.raises(gj.ModelError, match="devices must be a list"):
        model.fit(devices="gpu")
