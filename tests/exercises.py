"""Small published exercises, for what shows them: each published once for all workers of a run."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from reliefscope.cli import main


def publish_exercises(tmp_path_factory, *hazards: str, size: int = 256) -> Path:
    """Return the catalog of small exercises, of so many pixels a side, in English; only to read.

    A catalog of several is that of the later ones with the first published into it.
    """
    run = tmp_path_factory.getbasetemp()
    run = run.parent if os.environ.get("PYTEST_XDIST_WORKER") else run
    folder = run / f"exercises-{'-'.join(hazards)}-{size}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _publish(tmp_path_factory, folder, hazards, size)
            (folder / "done").touch()
    return folder / "catalog"


def _publish(tmp_path_factory, folder: Path, hazards: tuple[str, ...], size: int) -> None:
    if hazards[1:]:
        known = publish_exercises(tmp_path_factory, *hazards[1:], size=size)
        shutil.copytree(known, folder / "catalog")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELIEFSCOPE_CACHE", str(folder / "cache"))
        command = ["exercise", hazards[0], "--size", str(size), "--languages", "en"]
        assert main([*command, "--catalog", str(folder / "catalog")]) == 0
