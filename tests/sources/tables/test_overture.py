"""Overture's tables, read from an S3 service where they touch the area."""

import subprocess
import sysconfig
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
import shapely

from reliefscope.errors import AccessError, IntegrityError, NothingFoundError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.settings import Settings
from reliefscope.sources.tables import overture
from reliefscope.transport.client import Transport
from tests.servers import free_port

MOTO = Path(sysconfig.get_path("scripts")) / "moto_server"
AREA = Area.from_bbox(7.1, 50.7, 7.3, 50.8, name="Bonn")
RELEASE = "2026-03-18.0"
NEAR, FAR = (7.2, 50.75), (20.0, 10.0)


def box(point):
    lon, lat = point
    return {"xmin": lon, "xmax": lon + 0.01, "ymin": lat, "ymax": lat + 0.01}


def named(name):
    return {"primary": name, "common": None}


@pytest.fixture(scope="module")
def endpoint():
    """An S3 service with a release in Overture's form: two themes, a row near and a row far."""
    port = free_port()
    command = [str(MOTO), "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as server:  # noqa: S603 - of the test's own making
        try:
            files = _store(port)
            segments = [
                {
                    "id": str(i),
                    "class": kind,
                    "names": named(f"road {i}"),
                    "bbox": box(at),
                    "geometry": shapely.LineString([at, (at[0] + 0.01, at[1])]).wkb,
                }
                for i, (kind, at) in enumerate(
                    [("primary", NEAR), ("primary", FAR), ("footway", NEAR), ("trunk", NEAR)]
                )
            ]
            places = [
                {
                    "id": str(i),
                    "names": named(f"place {i}"),
                    "categories": {"primary": kind},
                    "confidence": sure,
                    "bbox": box(at),
                    "geometry": shapely.Point(at).wkb,
                }
                for i, (kind, sure, at) in enumerate(
                    [("hospital", 0.9, NEAR), ("hospital", 0.1, NEAR), ("cafe", 0.9, NEAR)]
                )
            ]
            base = f"{overture.BUCKET}/release/{RELEASE}"
            for part, rows in (
                ("theme=transportation/type=segment", segments),
                ("theme=places/type=place", places),
            ):
                pq.write_table(
                    pa.Table.from_pylist(rows), f"{base}/{part}/part-0.parquet", filesystem=files
                )
            pq.write_table(
                pa.table({"a": [1]}),
                f"{overture.BUCKET}/release/odd/theme=places/type=place/p.parquet",
                filesystem=files,
            )
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _store(port):
    """Return the object store once it answers, with its bucket."""
    files = pyarrow.fs.S3FileSystem(
        access_key="testing",
        secret_key="testing",
        endpoint_override=f"127.0.0.1:{port}",
        scheme="http",
        region=overture.REGION,
        allow_bucket_creation=True,
    )
    for _ in range(100):
        try:
            files.create_dir(overture.BUCKET)
        except OSError:
            time.sleep(0.1)
        else:
            return files
    raise AssertionError("the object store did not start")


def test_roads_of_some_importance_near_the_area(endpoint, transport):
    """Neither footways nor what lies elsewhere."""
    layer = overture.roads(AREA, transport, endpoint=endpoint, release=RELEASE)
    assert sorted(layer.data["class"]) == ["primary", "trunk"]
    assert layer.data.crs.to_epsg() == 4326
    assert RELEASE in layer.source


def test_facilities_that_its_makers_believe_in(endpoint, transport):
    """A hospital of confidence 0.9, not that of 0.1, and no cafe."""
    table = overture.facilities(AREA, transport, endpoint=endpoint, release=RELEASE).data
    assert table[["name", "kind"]].to_numpy().tolist() == [["place 0", "hospital"]]


def test_what_was_read_once_needs_no_network(endpoint, transport, offline):
    """The same table with no socket; another area offline is an error that says what to do."""
    online = overture.roads(AREA, transport, endpoint=endpoint, release=RELEASE).data
    assert overture.roads(
        AREA, offline, endpoint="http://127.0.0.1:1", release=RELEASE
    ).data.equals(online)
    with pytest.raises(UnavailableError, match="offline"):
        overture.roads(Area.from_bbox(1, 1, 2, 2), offline, endpoint=endpoint, release=RELEASE)


def test_a_release_that_was_taken_down(endpoint, transport):
    """Old releases go: nothing found, with a word on why; one of another form is no Overture."""
    with pytest.raises(NothingFoundError, match="taken down"):
        overture.roads(AREA, transport, endpoint=endpoint, release="2020-01-01.0")
    with pytest.raises(IntegrityError, match="not as described"):
        overture.facilities(AREA, transport, endpoint=endpoint, release="odd")


def test_private_stores_are_asked_only_when_named(endpoint, tmp_path):
    """The guard holds for this road out as well."""
    with pytest.raises(AccessError, match="private address"):
        overture.roads(
            AREA, Transport(Settings(cache=tmp_path)), endpoint=endpoint, release=RELEASE
        )


def test_the_latest_release_is_looked_up(endpoint, replay, transport, offline):
    """Each is taken down after two months: its name comes from the catalogue, and is kept."""
    replay.give("/catalog.json", {"latest": RELEASE})
    there = {"endpoint": endpoint, "catalog": f"{replay.url}/catalog.json"}
    online = overture.roads(AREA, transport, **there)
    assert RELEASE in online.source
    assert overture.roads(AREA, offline, **there).data.equals(online.data)
    replay.give("/catalog.json", {"latest": "../../other"})
    with pytest.raises(IntegrityError, match="no release"):
        overture.roads(AREA, transport, **there)


def test_both_sides_of_180_degrees_are_read(transport, tmp_path, monkeypatch):
    """A road on either side; none is said to be missing."""
    rows = [
        {
            "id": str(west),
            "class": "primary",
            "names": named("r"),
            "bbox": box((west, -16.7)),
            "geometry": shapely.LineString([(west, -16.7), (west + 0.01, -16.7)]).wkb,
        }
        for west in (179.6, -179.8)
    ]
    folder = tmp_path / overture.BUCKET / "release" / RELEASE / "theme=transportation/type=segment"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "part.parquet")
    here = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
    monkeypatch.setattr(pyarrow.fs, "S3FileSystem", lambda **_: here)
    fiji = Area.from_bbox(179.4, -17, -179.5, -16.4, name="Fiji")
    found = overture.roads(fiji, transport, release=RELEASE, endpoint="http://127.0.0.1:1")
    assert len(found.data) == 2
