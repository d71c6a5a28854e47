"""Batches in processes of their own: killed and begun again, on several devices, in several
processes."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

WORKER = pathlib.Path(__file__).with_name("worker.py")


def start(*options: str, devices: int = 1) -> subprocess.Popen:
    """A worker with a number of (pretended) devices."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    command = [sys.executable, "-W", "error", str(WORKER), *options]
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*workers: subprocess.Popen):
    for worker in workers:
        _, errors = worker.communicate(timeout=180)
        assert worker.returncode == 0, errors


def result(path: pathlib.Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """One device, one process, all members in one chunk."""
    path = tmp_path_factory.mktemp("alone") / "out.npz"
    finish(start(str(path)))
    return result(path)


def assert_close(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]):
    """The same fits; numbers of members without a maximum mean nothing."""
    np.testing.assert_array_equal(found["status"], expected["status"])
    good = found["status"] <= 2
    for name in ("beta", "theta", "loglik", "vcov", "covariance", "dispersion"):
        np.testing.assert_allclose(
            found[name][good], expected[name][good], rtol=1e-9, atol=1e-9, err_msg=name
        )


def test_a_killed_run_goes_on_to_the_same_bits(alone, tmp_path):
    folder, out, whole = tmp_path / "kept", tmp_path / "out.npz", tmp_path / "whole.npz"
    options = (str(out), f"checkpoint={folder}", "chunk=2")
    uninterrupted = start(str(whole), "chunk=2")
    killed = start(*options, "slow=0.4")
    while len(list(folder.glob("chunk-*.npz"))) < 3:
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    done = len(list(folder.glob("chunk-*.npz")))
    assert 3 <= done < 12
    (folder / ".writing-half").write_bytes(b"PK\x03\x04")
    finish(uninterrupted, start(*options))
    found, expected = result(out), result(whole)
    assert len(found["mesh"]) == 12 - done  # the others were read
    for name in set(expected) - {"mesh"}:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert_close(found, alone)


def test_four_devices_give_the_results_of_one(alone, tmp_path):
    finish(start(str(tmp_path / "out.npz"), devices=4))
    found = result(tmp_path / "out.npz")
    assert found["devices"] == 4
    assert found["mesh"].tolist() == [4]
    assert alone["mesh"].tolist() == [1]
    assert_close(found, alone)
    good = found["status"] <= 2
    np.testing.assert_array_equal(found["evaluations"][good], alone["evaluations"][good])


def test_two_processes_both_have_the_whole_batch(alone, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outs = [tmp_path / f"out{k}.npz" for k in range(2)]
    finish(
        *(start(str(out), f"process={k}", f"port={port}", "chunk=8") for k, out in enumerate(outs))
    )
    first, second = map(result, outs)
    assert len(first["mesh"]) + len(second["mesh"]) == 3  # each computed its share
    for name in set(first) - {"mesh"}:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert_close(first, alone)
