"""Folders that are whole or absent."""

import json
import threading

import pytest

from reliefscope.errors import PublishError
from reliefscope.products import staging


def test_a_staged_folder_appears_at_the_end(tmp_path):
    """While it is filled it is hidden; when the block ends it has its name."""
    target = tmp_path / "event" / "product"
    with staging.staged(target) as folder:
        (folder / "a.txt").write_text("a")
        assert not target.exists()
        assert folder.name.startswith(".")
        assert folder.parent == target.parent
    assert [p.name for p in target.parent.iterdir()] == ["product"]
    assert (target / "a.txt").read_text() == "a"


def _fail(folder, error):
    (folder / "a.txt").write_text("a")
    raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_an_error(tmp_path, error):
    """Whatever ends the block, the folder is gone."""
    with pytest.raises(error), staging.staged(tmp_path / "product") as folder:
        _fail(folder, error)
    assert list(tmp_path.iterdir()) == []


def test_sweeping_removes_leftovers_only(tmp_path):
    """Hidden partial folders and files go; packages and other hidden files stay."""
    (tmp_path / ".x.1a2b.partial").mkdir()
    (tmp_path / ".x.1a2b.partial" / "state.tif").write_text("half")
    (tmp_path / ".item.json.7.partial").write_text("half")
    (tmp_path / "whole").mkdir()
    (tmp_path / ".keep").write_text("")
    staging.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".keep", "whole"]


def test_json_is_replaced_in_one_step_or_not_at_all(tmp_path, monkeypatch):
    """The old document stays readable when the disk is full, and nothing is left beside it."""
    path = tmp_path / "catalog.json"
    staging.write_json(path, {"a": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging, "sync", full)
    with pytest.raises(OSError, match="No space"):
        staging.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_json_is_not_written_again(tmp_path):
    """A file that says the same keeps its time."""
    path = tmp_path / "a.json"
    staging.write_json(path, {"a": [1.5, None, "é"]})
    before = path.stat().st_mtime_ns, path.stat().st_ino
    staging.write_json(path, {"a": [1.5, None, "é"]})
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_lock_is_for_one(tmp_path):
    """A second run waits, and says so when it has waited enough; afterwards it gets in."""
    said = []

    def second():
        try:
            with staging.locked(tmp_path, "flood-E1", wait_s=0.05):
                said.append("in")
        except PublishError as error:
            said.append(str(error))

    with staging.locked(tmp_path, "flood-E1"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    second()
    assert "another run" in said[0]
    assert said[1] == "in"


def test_a_catalog_that_cannot_be_written_is_an_error(tmp_path):
    """A file where the folder should be: the message says what to do."""
    (tmp_path / "catalog").write_text("I am a file")
    with (
        pytest.raises(PublishError, match="choose another"),
        staging.locked(tmp_path / "catalog", "x"),
    ):
        pass
