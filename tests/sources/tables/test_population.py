"""Population from services: nobody is lost or counted twice, and the right year is taken."""

import io
import json
import zipfile

import numpy as np
import pytest
import rasterio

from reliefscope.errors import AccessError, IntegrityError, NothingFoundError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.sources.tables import ghsl, worldpop

ARC = 1 / 1200
LIECHTENSTEIN = Area.from_bbox(9.49, 47.06, 9.63, 47.26, name="Liechtenstein")
DATASET = "/rest/data/pop/G2_CN_POP_R25A_100m"


def raster(west, north, counts):
    """A country's people per cell on the lattice of 3 seconds of arc, as bytes."""
    counts = np.asarray(counts, "float32")
    profile = {
        "driver": "GTiff",
        "height": counts.shape[0],
        "width": counts.shape[1],
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "nodata": -99999.0,
        "transform": rasterio.Affine(ARC, 0, west, 0, -ARC, north),
    }
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as opened:
            opened.write(counts, 1)
        return memory.read()


def entry(url, code, year, *, date="2025-06-01"):
    return {"popyear": str(year), "date": date, "files": [f"{url}/{code}_{year}.tif"]}


@pytest.fixture
def service(replay):
    """Two neighbours that share a column of cells, and years up to 2030."""
    west, north = 9.4, 47.3
    replay.give("/CHE_2025.tif", raster(west, north, np.full((360, 150), 2.0)))
    shared = np.full((360, 260), 3.0)
    shared[60, 20] = -99999
    replay.give("/AUT_2025.tif", raster(west + 149 * ARC, north, shared))
    replay.give("/LIE_2025.tif", raster(west + 200 * ARC, north, np.full((360, 10), 1.0)))

    def listed(asked, _):
        code = asked["iso3"]
        years = [entry(replay.url, code, y) for y in (2015, 2025, 2030)]
        return {"data": [{"popyear": "soon"}, 7, *years]}

    replay.give(DATASET, listed)
    return f"{replay.url}/rest/data"


def test_neighbours_are_added_on_one_lattice(service, transport):
    """The shared column holds both shares, a cell that nobody counted stays unknown, and the sum
    is that of the parts."""
    layer = worldpop.population(LIECHTENSTEIN, transport, url=service)
    found = layer.data
    west = float(found["x"][0]) - ARC / 2
    column = round((9.4 + 149 * ARC - west) / ARC)
    assert found.values[10, column] == 5.0
    assert found.values[10, column + 5] == 3.0
    assert found.values[10, column - 5] == 2.0
    assert found.values[10, column + 55] == 4.0
    assert np.isnan(found.values).sum() == 1
    assert found.odc.geobox.crs == "EPSG:4326"
    assert abs(float(found["x"][1] - found["x"][0]) - ARC) < 1e-9
    assert "WorldPop 2025" in layer.source
    assert "CC BY 4.0" in layer.source


def test_an_estimate_is_preferred_to_a_projection(service, replay, transport):
    """Released in 2025: the year 2025 is taken, not 2030."""
    worldpop.population(LIECHTENSTEIN, transport, url=service)
    assert {p for p, *_ in replay.asked if p.endswith(".tif")} <= {
        "/CHE_2025.tif",
        "/AUT_2025.tif",
        "/LIE_2025.tif",
    }


def test_what_was_fetched_once_needs_no_network(service, transport, offline):
    """The same numbers with no socket."""
    online = worldpop.population(LIECHTENSTEIN, transport, url=service).data
    again = worldpop.population(LIECHTENSTEIN, offline, url=service).data
    np.testing.assert_array_equal(online, again)


@pytest.mark.realdata
def test_the_recorded_answer_of_afghanistan(shared_data, replay, transport):
    """WorldPop's own answer, 16 years: its file of 2025 is asked for, by its own address."""
    path = shared_data / "responses/worldpop_api_hdx/tests/fixtures/input"
    text = (path / "pop-g2-cn-pop-r25a-100m-iso3-afg.json").read_text(encoding="utf-8")
    text = text.replace("https://data.worldpop.org", replay.url)
    replay.give(DATASET, json.loads(text))
    home = "/GIS/Population/Global_2015_2030/R2025A/2025/AFG/v1/100m/constrained"
    counts = np.full((200, 200), 4.0)
    replay.give(f"{home}/afg_pop_2025_CN_100m_R2025A_v1.tif", raster(66.0, 34.1, counts))
    kabul = Area.from_bbox(66.02, 34.0, 66.06, 34.05)
    layer = worldpop.population(kabul, transport, url=f"{replay.url}/rest/data")
    assert float(layer.data.max()) == 4.0


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"data": []}, 200, NothingFoundError),
        ({"data": 7}, 200, IntegrityError),
        ({}, 200, IntegrityError),
        ("<html>Sign in</html>", 200, IntegrityError),
        ("no", 401, AccessError),
        ("no", 404, NothingFoundError),
        ("no", 429, UnavailableError),
        ("no", 500, UnavailableError),
        (
            {"data": [{"popyear": "2020", "date": "2025", "files": ["file:///etc/x.tif"]}]},
            200,
            IntegrityError,
        ),
        (
            {"data": [{"popyear": "2020", "date": "2025", "files": ["http://127.0.0.1:1/x.tif"]}]},
            200,
            UnavailableError,
        ),
    ],
)
def test_failures_are_errors_of_their_kind(replay, transport, answer, status, error):
    """A service that does not answer is never a land without people."""
    replay.always(answer, status)
    with pytest.raises(error):
        worldpop.population(LIECHTENSTEIN, transport, url=f"{replay.url}/rest/data")


def test_a_page_in_place_of_a_raster_is_not_kept(service, replay, transport):
    """A proxy's page under the name of the file."""
    replay.give("/CHE_2025.tif", "<html>blocked</html>")
    with pytest.raises(IntegrityError):
        worldpop.population(LIECHTENSTEIN, transport, url=service)


def packed(name, content):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(name, content)
    return memory.getvalue()


def test_ghsl_asks_for_the_tiles_of_the_area(replay, transport):
    """Two tiles side by side at 9.9921 degrees east, of which one is all ocean."""
    area = Area.from_bbox(9.95, 47.06, 10.03, 47.12)
    name = "GHS_POP_E2025_GLOBE_R2023A_4326_3ss"
    base = f"/GHS_POP_GLOBE_R2023A/{name}/V1-0/tiles"
    tile = raster(9.9, 47.2, np.full((200, 111), 6.0))
    replay.give(f"{base}/{name}_V1_0_R5_C19.zip", packed("t.tif", tile))
    layer = ghsl.population(area, transport, url=replay.url)
    assert float(layer.data.max()) == 6.0
    asked = {p.rpartition("_V1_0_")[2] for p, *_ in replay.asked}
    assert asked == {"R5_C19.zip", "R5_C20.zip"}
    assert "GHS-POP R2023A 2025" in layer.source


def test_ghsl_without_a_tile_is_ocean(replay, transport):
    """All tiles are missing: nothing found, not zero people."""
    with pytest.raises(NothingFoundError, match="no tile with land"):
        ghsl.population(LIECHTENSTEIN, transport, url=replay.url)


def test_ghsl_archives_stay_in_their_folder(replay, transport):
    """A member that climbs out is refused."""
    replay.always(packed("../../evil.tif", b"x"))
    with pytest.raises(IntegrityError, match="leads out"):
        ghsl.population(LIECHTENSTEIN, transport, url=replay.url)
