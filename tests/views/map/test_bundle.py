import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from reliefscope.views.map import BUNDLE, Layer


def test_bundle_names_no_outside_host():
    """Only names of formats stand in it, which nothing asks for."""
    hosts = set(re.findall(r"https?://([a-zA-Z0-9.-]+)", BUNDLE.read_text(encoding="utf-8")))
    assert hosts <= {"www.opengis.net", "www.w3.org"}


def test_every_package_in_the_bundle_has_its_licence():
    """LICENSES.txt names OpenLayers with its licence; the lock names no registry."""
    told = (BUNDLE.parent / "LICENSES.txt").read_text(encoding="utf-8")
    assert "ol 10." in told
    assert "Redistribution and use in source and binary forms" in told
    assert "see below" not in told
    lock = json.loads((BUNDLE.parent / "package-lock.json").read_text(encoding="utf-8"))
    packages = [p for name, p in lock["packages"].items() if name]
    assert all("integrity" in p for p in packages)
    assert not any("resolved" in p for p in packages)


def test_bundle_is_what_its_source_gives(root):
    """Building again gives the same bytes."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: the bundle cannot be built again here")
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(root / ".ci" / "build-map"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    if "ENOTFOUND" in done.stderr or "ECONNREFUSED" in done.stderr or "ETIMEDOUT" in done.stderr:
        pytest.skip("no npm registry can be reached: the bundle cannot be built again here")
    assert done.returncode == 0, done.stderr


def test_description_of_a_layer_holds_only_what_it_needs():
    """A picture with its extent: nothing empty is sent, and sequences are plain lists."""
    layer = Layer(id="a", title="A", image="data:,", extent=(1.0, 2.0, 3.0, 4.0))
    assert layer.as_json() == {
        "id": "a",
        "image": "data:,",
        "extent": [1.0, 2.0, 3.0, 4.0],
        "order": 0,
        "visible": True,
        "opacity": 1.0,
        "smooth": False,
        "silent": False,
    }
