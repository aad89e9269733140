import datetime as dt

import shapely

from reliefscope.model.granule import Granule, group_passes

T0 = dt.datetime(2024, 1, 1, 6, tzinfo=dt.UTC)


def _granule(name, seconds=0, orbit=1, **changes):
    return Granule(
        id=name,
        source="s",
        collection="c",
        acquired=None if seconds is None else T0 + dt.timedelta(seconds=seconds),
        footprint=shapely.box(0, 0, 1, 1),
        assets={},
        relative_orbit=orbit,
        **changes,
    )


def test_slices_of_one_pass_belong_together():
    """Slices 25 s apart are one pass; another orbit or another day is not."""
    passes = group_passes(
        [_granule("c", 86_400), _granule("b", 25), _granule("a", 0), _granule("d", 30, orbit=2)]
    )
    assert [[g.id for g in p] for p in passes] == [["a", "b"], ["d"], ["c"]]


def test_static_layers_are_one_group():
    """Tiles of a terrain model have no time and are mosaicked."""
    passes = group_passes([_granule("n", None), _granule("m", None)])
    assert [[g.id for g in p] for p in passes] == [["m", "n"]]
