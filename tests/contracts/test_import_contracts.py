"""Each import contract is able to fail: a forbidden import planted in a copy breaks it."""

import ast
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

_LINT = Path(sysconfig.get_path("scripts")) / "lint-imports"

BREACHES = {
    "imports only go down": ("model/area.py", "import reliefscope.pipeline.plan"),
    "numerics is numpy, scipy, numba and scikit-image only": ("numerics/radar.py", "import xarray"),
    "model opens no file and no socket": ("model/grid.py", "import rasterio"),
    "indicators read no files": ("indicators/flood_sar/__init__.py", "import rasterio"),
    "indicators do not know each other": (
        "indicators/flood_sar/__init__.py",
        "import reliefscope.indicators._other",
    ),
    "sources do not know each other": ("sources/files.py", "import reliefscope.sources.stac"),
    "feeds do not know each other": ("feeds/gdacs.py", "import reliefscope.feeds.usgs"),
    "pipeline names no source and no indicator": (
        "pipeline/plan.py",
        "import reliefscope.indicators.flood_sar",
    ),
    "the wire knows no disaster and no service": ("transport/store.py", "import xarray"),
    "products do not fetch": ("products/facts.py", "import requests"),
    "faces do not compute": ("cli/maps.py", "import reliefscope.numerics.radar"),
}


@pytest.fixture(scope="module")
def contracts(root):
    """The contracts as the project states them."""
    return (root / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", BREACHES)
def test_contract_can_be_broken(name, root, contracts, tmp_path):
    """The planted import is reported under the contract's own name."""
    shutil.copytree(
        root / "src" / "reliefscope",
        tmp_path / "reliefscope",
        ignore=shutil.ignore_patterns("__pycache__", "data", "fonts"),
    )
    (tmp_path / "pyproject.toml").write_text(contracts, encoding="utf-8")
    file, line = BREACHES[name]
    target = tmp_path / "reliefscope" / file
    if "_other" in line:
        (target.parent / "_other.py").write_text('"""Planted."""\n', encoding="utf-8")
    target.write_text(target.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own tool on our own copy
        [sys.executable, _LINT, "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{name} BROKEN" in done.stdout, done.stdout


def _imports_root(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "reliefscope" and not node.level:
            return True
        if isinstance(node, ast.Import) and any(a.name == "reliefscope" for a in node.names):
            return True
    return False


def test_nobody_inside_imports_the_root(root):
    """The package root is for users: no module of ours imports it."""
    assert _imports_root("from reliefscope import Event")
    files = sorted((root / "src" / "reliefscope").rglob("*.py"))
    assert [f.name for f in files if _imports_root(f.read_text(encoding="utf-8"))] == []
