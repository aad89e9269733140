import datetime as dt

import pytest
import shapely

from reliefscope.model.area import Area
from reliefscope.model.granule import Asset, Granule
from reliefscope.pipeline.passes import repeats

NOW = dt.datetime(2024, 3, 20, tzinfo=dt.UTC)
AREA = Area.from_bbox(10, 45, 10.05, 45.05)


def _granule(days_ago, *, platform="sentinel-1a", orbit=15, box=(9, 44, 11, 46)):
    return Granule(
        id=f"{platform}-{orbit}-{days_ago}",
        source="memory",
        collection="c",
        acquired=NOW - dt.timedelta(days=days_ago),
        footprint=shapely.box(*box),
        assets={"vv": Asset(href="x")},
        platform=platform,
        relative_orbit=orbit,
    )


def _days(found):
    return [(p.platform, (p.expected - NOW).total_seconds() / 86400) for p in found]


def test_an_orbit_repeats_after_its_cycle():
    """Seen 5 and 17 days ago, Sentinel-1A comes again in 7 days; seen twice."""
    (only,) = repeats([_granule(5), _granule(17)], AREA, now=NOW, days=12)
    assert only.expected == NOW + dt.timedelta(days=7)
    assert (only.seen, only.cover, only.last) == (2, 1.0, NOW - dt.timedelta(days=5))


def test_each_satellite_and_orbit_has_its_own_rhythm():
    """Two satellites, two orbits, three cycles: soonest first, twice within the horizon."""
    past = [
        _granule(5),
        _granule(1, orbit=88),
        _granule(4, platform="Sentinel-2B", orbit=22),
        _granule(10, platform="landsat-9", orbit=192),
    ]
    assert _days(repeats(past, AREA, now=NOW, days=20)) == [
        ("landsat-9", 6.0),
        ("sentinel-2b", 6.0),
        ("sentinel-1a", 7.0),
        ("sentinel-1a", 11.0),
        ("sentinel-2b", 16.0),
        ("sentinel-1a", 19.0),
    ]


@pytest.mark.parametrize(
    "granule",
    [
        _granule(30),
        _granule(5, platform="radarsat-2"),
        _granule(5, orbit=None),
        _granule(5, box=(20, 50, 21, 51)),
    ],
    ids=["silent for over two cycles", "unknown cycle", "unknown orbit", "elsewhere"],
)
def test_nothing_is_promised_without_grounds(granule):
    """No estimate where the satellite stopped, its rhythm is unknown, or it looks elsewhere."""
    assert repeats([granule], AREA, now=NOW, days=12) == []
