import datetime as dt

import numpy as np
import pytest
import shapely
import xarray as xr

from reliefscope.model.area import Area
from reliefscope.model.cube import describe
from reliefscope.model.granule import Asset, Granule
from reliefscope.pipeline.clouds import clear_share
from reliefscope.pipeline.select import clearest

AREA = Area.from_bbox(10, 45, 10.1, 45.1)
DAY = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


class Sky:
    """A source whose scene classification is cloud over a share of the area's columns."""

    provides = frozenset({"scl"})

    def __init__(self, share):
        self.share = share

    def load(self, granules, grid, variables):
        assert variables == ("scl",)
        assert len(granules) == 1
        codes = np.full((1, *grid.shape), 4.0, "float32")
        codes[..., : round(grid.shape[1] * self.share)] = 9
        return xr.Dataset({"scl": describe("scl", xr.DataArray(codes, dims=("time", "y", "x")))})


def _pass(day, cloud, *, band="scl"):
    granule = Granule(
        id=f"d{day}",
        source="sky",
        collection="c",
        acquired=DAY + dt.timedelta(days=day),
        footprint=shapely.box(9, 44, 11, 46),
        assets={band: Asset(href="x")},
        cloud_cover=cloud,
    )
    return (granule,)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_clear_share_is_that_of_the_area(share):
    """A quarter under cloud leaves three quarters, whatever the rest of the image shows."""
    assert clear_share(Sky(share), _pass(0, 99), AREA) == pytest.approx(1 - share, abs=0.02)


def test_without_a_quality_band_nothing_is_claimed():
    """None, not clear."""
    assert clear_share(Sky(0), _pass(0, 0, band="red"), AREA) is None


def test_the_area_decides_and_not_the_tile():
    """A tile of 80 % cloud that is clear over the area wins over one of 5 % that is not."""
    passes = [_pass(1, 5), _pass(2, 80), _pass(4, 70)]
    clear = {"d1": 0.1, "d2": 0.95, "d4": 0.97}
    choice = clearest(passes, AREA, lambda p: clear[p[0].id], latest=False)
    assert choice.granules[0].id == "d2"
    assert choice.reason == (
        "earliest of the clearest among 3 pass(es): shows 95% of the area without cloud; "
        "its whole image has 80 %"
    )
    latest = clearest(passes, AREA, lambda p: clear[p[0].id], latest=True)
    assert latest.granules[0].id == "d4"


def test_only_the_most_promising_are_looked_at():
    """Of thirty passes eight are opened: those with the least cloud over the whole image."""
    looked = []

    def look(group):
        looked.append(group[0].cloud_cover)
        return 1.0

    clearest([_pass(d, 100 - 3 * d) for d in range(30)], AREA, look, latest=False)
    assert sorted(looked) == [13.0, 16.0, 19.0, 22.0, 25.0, 28.0, 31.0, 34.0]
