"""The GeoPackage by its standard, read with SQLite alone: OGC 12-128, by requirement."""

import datetime as dt
import sqlite3
import struct
from contextlib import closing

import pytest
import shapely

from reliefscope.products.vectors import write_vectors
from tests.products.test_vectors import build

_ENVELOPES = {0: 0, 1: 4, 2: 6, 3: 6, 4: 8}
"""Numbers in the envelope by its code (clause 2.1.3, GeoPackageBinary)."""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """All layers of a product, with places, roads and admin units."""
    path = tmp_path_factory.mktemp("gpkg") / "vectors.gpkg"
    tables, _ = build()
    write_vectors(tables, path, {"EXERCISE": "yes"})
    return path


@pytest.fixture(scope="module")
def ask(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        yield lambda query: file.execute(query).fetchall()


@pytest.fixture(scope="module")
def layers(ask):
    """Name, geometry column, type and reference system of each layer."""
    query = "SELECT table_name, column_name, geometry_type_name, srs_id FROM gpkg_geometry_columns"
    return ask(query)


def test_the_file_is_a_sound_database(path, ask):
    """Header of SQLite 3 (1), application id GPKG and version (2), sound (6), keys kept (7)."""
    assert path.read_bytes()[:16] == b"SQLite format 3\0"
    assert ask("PRAGMA application_id") == [(int.from_bytes(b"GPKG"),)]
    assert ask("PRAGMA user_version")[0][0] >= 10200
    assert ask("PRAGMA integrity_check") == [("ok",)]
    assert ask("PRAGMA foreign_key_check") == []


def test_reference_systems_are_told(ask, layers):
    """WGS 84, undefined Cartesian and geographic (11), and each that a layer uses (12)."""
    told = {row[0] for row in ask("SELECT srs_id FROM gpkg_spatial_ref_sys")}
    assert {-1, 0, 4326} <= told
    assert {srs for *_, srs in layers} == {4326}


def test_the_contents_are_the_tables(ask, layers):
    """Each row of gpkg_contents (13) names a table (14) with a moment in UTC (15), and each
    layer of features has its geometry column (22) in the same reference system."""
    rows = ask("SELECT table_name, data_type, last_change, srs_id FROM gpkg_contents")
    tables = {r[0] for r in ask("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    assert {r[0] for r in rows} <= tables
    assert all(dt.datetime.strptime(r[2], "%Y-%m-%dT%H:%M:%S.%f%z") for r in rows)
    features = {(r[0], r[3]) for r in rows if r[1] == "features"}
    assert features == {(name, srs) for name, _, _, srs in layers}
    assert len(features) >= 6


def test_geometries_extents_and_indexes_agree(ask, layers):
    """Each geometry has the header of the standard (19) with its envelope, is of the type of its
    layer and valid; the extent in gpkg_contents and the R-tree (annex F.3) hold what is there."""
    for name, column, kind, srs in layers:
        blobs = ask(f'SELECT rowid, "{column}" FROM "{name}"')  # noqa: S608 - names of ours
        shapes = {row: _read(blob, srs) for row, blob in blobs}
        assert shapes, name
        assert {s.geom_type.upper() for s in shapes.values()} == {kind}
        assert all(s.is_valid for s in shapes.values()), name
        (extent,) = ask(
            f"SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = '{name}'"  # noqa: S608
        )
        assert extent == pytest.approx(shapely.total_bounds(list(shapes.values())), abs=1e-9)
        boxes = ask(f'SELECT id, minx, miny, maxx, maxy FROM "rtree_{name}_{column}"')  # noqa: S608
        assert {box[0] for box in boxes} == set(shapes), name
        for row, *box in boxes:  # 32 bits, rounded outwards
            assert shapely.box(*box).buffer(1e-6).covers(shapes[row]), name
            assert box == pytest.approx(shapes[row].bounds, abs=1e-4)


def _read(blob, srs):
    """Return the geometry of a GeoPackageBinary after looking at its header."""
    magic, version, flags = blob[:2], blob[2], blob[3]
    assert (magic, version) == (b"GP", 0)
    assert flags & 0b11110000 == 0, "standard, not empty"
    order = "<" if flags & 1 else ">"
    assert struct.unpack(f"{order}i", blob[4:8]) == (srs,)
    count = _ENVELOPES[flags >> 1 & 0b111]
    envelope = struct.unpack(f"{order}{count}d", blob[8 : 8 + 8 * count])
    shape = shapely.from_wkb(blob[8 + 8 * count :])
    if count:
        west, south, east, north = shape.bounds
        assert envelope[:4] == pytest.approx((west, east, south, north))
    return shape
