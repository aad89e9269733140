"""An event fetched once is mapped again with no network: the same package, no socket."""

import json
import socket

import numpy as np
import pystac
import pytest

from reliefscope.cli import main
from reliefscope.products.catalog import find
from tests.scenes import lonlat_bounds, make_collection, make_item, write_raster
from tests.servers import file_server, stac_server

SIZE = 128


def _event(folder, url, bounds):
    west, south, east, north = bounds
    path = folder / "event.toml"
    path.write_text(
        f"""
[event]
id = "LAKE"
hazard = "flood"
onset = 2024-03-01T00:00:00Z
[area]
bbox = [{west}, {south}, {east}, {north}]
[map]
resolution = 10
[sources.api]
type = "stac"
url = "{url}"
units = {{ vv = "1", vh = "1" }}
""",
        encoding="utf-8",
    )
    return path


def _state(catalog):
    (entry,) = find(catalog)
    return (entry.folder / "state.tif").read_bytes(), json.loads(
        (entry.folder / "provenance.json").read_text()
    )


def test_a_fetched_event_is_mapped_with_no_socket(tmp_path, monkeypatch, capsys):
    """fetch, then the servers die, then map: search answers and rasters come from the cache."""
    noise = np.random.default_rng(1).gamma(4.4, 1 / 4.4, (2, SIZE, SIZE))
    lake = np.hypot(*(np.indices((SIZE, SIZE)) - SIZE / 2)) < 30
    scene = (noise * np.where(lake, 0.004, 0.1)).astype("float32")
    served = tmp_path / "served"
    files = {
        name: write_raster(served / f"{name}.tif", values)
        for name, values in zip(("vv", "vh"), scene, strict=True)
    }
    bounds = lonlat_bounds(files["vv"])
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "cache"))
    with file_server(served) as files_url:
        item = make_item("SCENE", bounds)
        for name in files:
            item.add_asset(name, pystac.Asset(f"{files_url}/{name}.tif"))
        (tmp_path / "stac").mkdir()
        with stac_server(tmp_path / "stac", make_collection(), [item]) as url:
            event = _event(tmp_path, url, bounds)
            assert main(["map", str(event), "--catalog", str(tmp_path / "online")]) == 0
            assert main(["fetch", str(event)]) == 0
    assert "2 file(s)" in capsys.readouterr().out.replace("\n", " ")
    online = _state(tmp_path / "online")

    class NoSocket(socket.socket):
        def connect(self, address):
            pytest.fail(f"a socket was opened to {address}", pytrace=False)

    monkeypatch.setattr(socket, "socket", NoSocket)
    monkeypatch.setenv("RELIEFSCOPE_OFFLINE", "1")
    assert main(["map", str(event), "--catalog", str(tmp_path / "offline")]) == 0
    offline = _state(tmp_path / "offline")
    assert offline[0] == online[0]
    assert str(tmp_path / "cache") not in json.dumps(offline[1])

    event.write_text(event.read_text().replace("2024-03-01", "2024-02-20"))
    assert main(["map", str(event), "--catalog", str(tmp_path / "never")]) == 5
    assert "offline, and no answer" in capsys.readouterr().err.replace("\n", " ")
