"""Tables and responses in files that are damaged or not there."""

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse

import glmmjax as gj


@pytest.fixture
def files(tmp_path):
    """One whole file of every format."""
    counts = np.arange(60).reshape(3, 20) % 4
    table = pd.DataFrame(counts.T, columns=list("abc"))
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "t.csv.gz", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    np.save(tmp_path / "t.npy", counts)
    scipy.sparse.save_npz(tmp_path / "t.npz", scipy.sparse.csr_array(counts))
    scipy.io.mmwrite(tmp_path / "t.mtx", scipy.sparse.csr_array(counts))
    return tmp_path


NAMES = ("t.csv", "t.csv.gz", "t.parquet", "t.npy", "t.npz", "t.mtx")


@pytest.mark.parametrize("name", NAMES)
def test_whole_files_are_read(files, name):
    assert gj.datasets.read_responses(files / name).shape in ((3, 20), (20, 3))


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("share", [0, 0.3, 0.7, 0.95])
def test_a_file_cut_short_is_one_sentence(files, name, share):
    path = files / name
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(gj.ModelError, match=f"^{path} cannot be read") as caught:
        gj.datasets.read_responses(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"PK\x03\x04" + b"\1" * 90])
def test_other_bytes_are_one_sentence(files, name, content):
    path = files / name
    path.write_bytes(content)
    if name == "t.csv" and content:
        return  # text is a table of one column, whatever it says
    with pytest.raises(gj.ModelError, match=f"^{path} cannot be read"):
        gj.datasets.read_responses(path)


@pytest.mark.parametrize("name", NAMES)
def test_no_file_or_a_folder(files, name):
    (files / name).unlink()
    with pytest.raises(gj.ModelError, match=r"cannot be read: No such file or directory\.$"):
        gj.datasets.read_responses(files / name)
    (files / name).mkdir()
    with pytest.raises(gj.ModelError, match="cannot be read"):
        gj.datasets.read_responses(files / name)


def test_a_cache_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        gj.ModelError,
        match=r"file/cache cannot be a folder for compiled programs: Not a directory\.$",
    ):
        gj.enable_compilation_cache(tmp_path / "file" / "cache")
