"""Lint, format, types and import contracts hold for the whole tree."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

_BIN = Path(sysconfig.get_path("scripts"))

CHECKS = {
    "lint": [_BIN / "ruff", "check", "."],
    "format": [_BIN / "ruff", "format", "--check", "."],
    "types": [sys.executable, "-m", "mypy"],
    "imports": [_BIN / "lint-imports"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_check_passes(name, root):
    """The tool finds nothing."""
    done = subprocess.run(CHECKS[name], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own tools
    assert done.returncode == 0, done.stdout + done.stderr
