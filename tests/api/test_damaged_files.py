"""Files that are damaged, and places that cannot be written to: one sentence, and what was there
stays."""

import errno
import json
import os
import resource
import stat

import pytest
from problems import model

import glmmjax as gj
from glmmjax._files import UNFINISHED, write_whole


@pytest.fixture(scope="module")
def fit():
    return model("poisson", "log", "(1 | g)").fit()


@pytest.fixture
def saved(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    return tmp_path / "fit.json"


def one_sentence(caught, path):
    text = str(caught.value)
    assert type(caught.value) is gj.ModelError
    assert str(path) in text and text.endswith(".") and "\n" not in text


class TestReading:
    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99999])
    def test_a_file_cut_short(self, saved, share):
        content = saved.read_bytes()
        saved.write_bytes(content[: int(share * len(content))])
        with pytest.raises(
            gj.ModelError, match=r"is not a saved fit, or cut short: it is not JSON"
        ) as caught:
            gj.load(saved)
        one_sentence(caught, saved)

    @pytest.mark.parametrize(
        "content", [b"\0" * 100, b"\xff\xfe" * 50, b"[" * 100_000, b"null", b"3", b"\x1f\x8b\x08"]
    )
    def test_other_bytes(self, tmp_path, content):
        path = tmp_path / "fit.json"
        path.write_bytes(content)
        with pytest.raises(gj.ModelError, match=r"is not a saved fit") as caught:
            gj.load(path)
        one_sentence(caught, path)

    @pytest.mark.parametrize(
        "where", ["missing.json", "no folder/fit.json", "", "fit.json/fit.json"]
    )
    def test_no_file(self, saved, where):
        path = saved.parent / where
        with pytest.raises(
            gj.ModelError, match=r"cannot be read: (No such file|Is a directory|Not a directory)"
        ) as caught:
            gj.load(path)
        one_sentence(caught, path)

    @pytest.mark.parametrize(
        "key",
        ["formula", "family", "method", "columns", "index", "theta", "mode", "status", "vcov"],
    )
    @pytest.mark.parametrize("instead", [None, 7, "nonsense", [], {}])
    def test_parts_that_are_something_else(self, saved, key, instead):
        document = json.loads(saved.read_text())
        document["state"][key] = instead
        saved.write_text(json.dumps(document))
        with pytest.raises(gj.ModelError) as caught:
            gj.load(saved)
        one_sentence(caught, saved)

    def test_parts_that_are_missing(self, saved):
        document = json.loads(saved.read_text())
        optional = {
            "ziformula",
            "dispformula",
            "weights",
            "offset",
            "matrices",
            "categories",
            "context",
            "sums",
            "priors",  # which older files have not
        }
        for key in set(document["state"]) - optional:
            state = {name: value for name, value in document["state"].items() if name != key}
            saved.write_text(json.dumps(document | {"state": state}))
            with pytest.raises(gj.ModelError) as caught:
                gj.load(saved)
                pytest.fail(key)
            one_sentence(caught, saved)

    @pytest.mark.parametrize(
        "key", ["beta", "theta", "vcov", "covariance", "dispersion", "mode", "mode_cov", "index"]
    )
    def test_parts_of_another_length(self, saved, key):
        document = json.loads(saved.read_text())
        part = document["state"][key]
        if key == "index":
            part["stop"] += 1
        else:
            document["state"][key] = [*part, *part] or [1.0]
        saved.write_text(json.dumps(document))
        with pytest.raises(gj.ModelError, match=r"^The saved fit .* is damaged") as caught:
            gj.load(saved)
        one_sentence(caught, saved)

    @pytest.mark.parametrize("version", ["2", None, 0, 2.5, [2]])
    def test_a_version_that_is_none(self, saved, version):
        document = json.loads(saved.read_text())
        saved.write_text(json.dumps(document | {"version": version}))
        with pytest.raises(gj.ModelError, match=r"is damaged") as caught:
            gj.load(saved)
        one_sentence(caught, saved)


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestWriting:
    @pytest.mark.parametrize("where", ["no folder/fit.json", "", "file/fit.json"])
    def test_no_place(self, fit, tmp_path, where):
        (tmp_path / "file").write_text("")
        with pytest.raises(
            gj.ModelError, match=r"cannot be written: (No such file|Is a directory|Not a directory)"
        ) as caught:
            fit.save(tmp_path / where)
        one_sentence(caught, tmp_path / where)
        assert os.listdir(tmp_path) == ["file"]

    def test_a_full_disk_leaves_what_was_there(self, fit, saved, monkeypatch):
        before = saved.read_bytes()
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(
            gj.ModelError, match=r"cannot be written: No space left on device"
        ) as caught:
            fit.save(saved)
        one_sentence(caught, saved)
        assert saved.read_bytes() == before
        assert os.listdir(saved.parent) == [saved.name]

    def test_a_limit_of_the_system(self, fit, saved):
        before, limit = saved.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
        try:
            with pytest.raises(gj.ModelError, match=r"cannot be written: File too large"):
                fit.save(saved)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert saved.read_bytes() == before
        assert os.listdir(saved.parent) == [saved.name]

    def test_a_folder_without_permission(self, fit, saved, monkeypatch):
        def refuse(*_):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "replace", refuse)
        with pytest.raises(gj.ModelError, match=r"cannot be written: Permission denied"):
            fit.save(saved)
        assert os.listdir(saved.parent) == [saved.name]

    def test_a_device(self, fit):
        with pytest.raises(
            gj.ModelError, match=r"^/dev/full cannot be written: No space left on device"
        ):
            fit.save("/dev/full")

    def test_a_link_and_permissions_stay(self, fit, tmp_path):
        (tmp_path / "there").mkdir()
        (tmp_path / "link.json").symlink_to(tmp_path / "there" / "fit.json")
        fit.save(tmp_path / "link.json")
        assert (tmp_path / "link.json").is_symlink()
        assert gj.load(tmp_path / "there" / "fit.json").loglik == fit.loglik
        (tmp_path / "plain").touch()
        modes = [
            stat.S_IMODE(path.stat().st_mode)
            for path in (tmp_path / "plain", tmp_path / "link.json")
        ]
        assert modes[0] == modes[1]
        (tmp_path / "there" / "fit.json").chmod(0o640)
        fit.save(tmp_path / "link.json")
        assert stat.S_IMODE((tmp_path / "link.json").stat().st_mode) == 0o640

    def test_an_interruption_leaves_nothing(self, tmp_path):
        def interrupted(file):
            file.write(b"half")
            assert [name.startswith(UNFINISHED) for name in os.listdir(tmp_path)] == [True]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_whole(tmp_path / "file", interrupted)
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", [None, 3, "", "nul\0.json"])
def test_what_is_no_path(fit, path):
    for call in (fit.save, gj.load):
        with pytest.raises(
            gj.ModelError, match=r"The path of a file must be text or a pathlib\.Path"
        ):
            call(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("context", None), ("context", -1), ("sums", -1), ("ends", [-1]), ("ends", [[1]])],
)
def test_values_that_no_fit_has(saved, key, value):
    document = json.loads(saved.read_text())
    document["state"][key] = value
    saved.write_text(json.dumps(document))
    with pytest.raises(gj.ModelError, match="is damaged") as caught:
        gj.load(saved)
    one_sentence(caught, saved)
