import dataclasses

import numpy as np
import pytest
import shapely
from scipy import ndimage

from reliefscope.errors import InputError
from reliefscope.numerics import terrain
from reliefscope.sources.simulated import world as worlds
from reliefscope.sources.simulated.world import make_world

SIZE = 256
CODES = {worlds.TREE, worlds.SHRUB, worlds.GRASS, worlds.CROP, worlds.BUILT, worlds.BARE}
CODES |= {worlds.WATER, worlds.WETLAND}


@pytest.fixture(scope="module", params=[1, 5])
def world(request):
    return make_world(SIZE, request.param)


def arrays(world):
    """Every array of a world by name."""
    found = {f.name: getattr(world, f.name) for f in dataclasses.fields(world)}
    found |= {"built": world.country.built, "people": world.country.people}
    return {name: a for name, a in found.items() if isinstance(a, np.ndarray)}


def test_a_seed_gives_the_same_world_to_the_byte():
    """Two worlds of one seed are equal in every array and every place; another seed differs."""
    one, again, other = make_world(160, 4), make_world(160, 4), make_world(160, 5)
    assert len(arrays(one)) == 8
    for name, values in arrays(one).items():
        assert values.tobytes() == arrays(again)[name].tobytes(), name
        assert values.tobytes() != arrays(other)[name].tobytes(), name
    assert one.country.places == again.country.places
    assert one.country.roads == again.country.roads
    assert one.country.units == again.country.units


@pytest.mark.parametrize("size", [128, 201, 330])
def test_any_size_makes_a_whole_world(size):
    """Sizes that divide by nothing work: arrays are full and finite, with river, flood, people."""
    world = make_world(size, 2)
    for name, values in arrays(world).items():
        assert values.shape == (size, size), name
        if name != "surface":
            assert np.isfinite(values).all(), name
    assert 0.005 < world.permanent.mean() < 0.2
    assert 0.01 < world.flooded.mean() < 0.4
    assert world.country.people.sum() > 0


@pytest.mark.parametrize(("size", "seed"), [(127, 0), (10_981, 0), (256, -1)])
def test_worlds_out_of_range_are_refused(size, seed):
    """Too small, too large, or a seed below zero."""
    with pytest.raises(InputError, match="must be"):
        make_world(size, seed)


def test_flood_depth_is_water_surface_less_ground(world):
    """Where it is flooded the depth is exactly surface minus ground; elsewhere it is 0."""
    wet = world.flooded
    assert wet.any()
    np.testing.assert_array_equal(world.depth[wet], (world.surface - world.elevation)[wet])
    np.testing.assert_array_equal(world.depth[~wet], 0)


def test_no_ground_above_the_water_is_flooded(world):
    """Flood never stands on ground higher than its surface, nor where there is no surface."""
    assert (world.elevation[world.flooded] < world.surface[world.flooded]).all()
    assert not world.flooded[np.isnan(world.surface)].any()


def test_flood_is_not_permanent_water_and_is_joined_to_it(world):
    """What is wet all year is not flood; all flood is reached from there."""
    assert not (world.flooded & world.permanent).any()
    label, count = ndimage.label(world.flooded | world.permanent)
    assert set(np.unique(label[world.flooded])) <= set(np.unique(label[world.permanent]))
    assert count >= 1


def test_flood_covers_fields_woods_and_houses(world):
    """The exercise has its difficult parts: flooded vegetation and flooded built-up ground."""
    under = world.land_cover[world.flooded]
    share = {code: np.mean(under == code) for code in CODES}
    assert share[worlds.CROP] + share[worlds.GRASS] > 0.4
    assert 0.02 < share[worlds.TREE] < 0.4
    assert share[worlds.BUILT] > 0


def test_land_drains_to_water(world):
    """The ground is a landscape: nearly all of it has a way down to river or brook."""
    hand = terrain.hand(world.elevation, dx=10, dy=10, min_area=np.inf, water=world.permanent)
    assert np.isfinite(hand).mean() > 0.75
    assert np.nanmax(hand) > 30


def test_water_lies_low(world):
    """Permanent water is lower than the ground beside it, nearly everywhere."""
    bank = ndimage.binary_dilation(world.permanent, iterations=4) & ~world.permanent
    level = ndimage.minimum_filter(np.where(world.permanent, world.elevation, np.inf), 11)
    assert np.mean(world.elevation[bank] > level[bank]) > 0.95


def test_land_cover_has_codes_of_worldcover_and_water_where_water_is(world):
    """No code is invented, and land cover and seasonality agree on permanent water."""
    assert set(np.unique(world.land_cover)) <= CODES
    np.testing.assert_array_equal(world.land_cover == worlds.WATER, world.permanent)
    assert set(np.unique(world.water_seasonality)) <= {0, 4, 12}
    assert (world.land_cover[world.country.built] == worlds.BUILT).all()


def test_everybody_lives_somewhere_dry(world):
    """People add up to those of the settlements and 6 % beside them; nobody lives on water."""
    country = world.country
    settled = sum(p.population for p in country.places)
    assert country.people.sum(dtype="float64") == pytest.approx(1.06 * settled, rel=1e-4)
    assert country.people.min() >= 0
    assert country.people[world.permanent].sum() == 0
    assert country.people[country.built].sum() > 0.9 * settled


def test_places_have_names_of_their_own_and_lie_apart(world):
    """Names are unique, places are inside the world and not on top of one another."""
    places = world.country.places
    assert len({p.name for p in places}) == len(places) >= 4
    points = np.array([(p.point.x, p.point.y) for p in places])
    assert ((points > 0) & (points < SIZE)).all()
    gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    assert gaps[np.triu_indices(len(points), 1)].min() > 10


def test_roads_join_all_places(world):
    """One network reaches every settlement."""
    roads = [r.line for r in world.country.roads]
    assert {r.kind for r in world.country.roads} <= {"primary", "secondary", "track"}
    network = shapely.union_all(shapely.buffer(roads, 0.1))
    assert network.geom_type == "Polygon"
    assert all(p.point.distance(network) < 3 for p in world.country.places)


def test_districts_divide_the_land(world):
    """Units of each level cover the world once; codes name the parent; names are not repeated."""
    units = world.country.units
    for level in (1, 2):
        shapes = [u.shape for u in units if u.level == level]
        assert all(shapely.is_valid(s) for s in shapes)
        assert sum(s.area for s in shapes) == pytest.approx(SIZE**2, rel=1e-3)
        assert shapely.union_all(shapes).area == pytest.approx(SIZE**2, rel=1e-3)
    tops = {u.pcode for u in units if u.level == 1}
    assert all(u.pcode[:4] == u.parent and u.parent in tops for u in units if u.level == 2)
    assert len({u.pcode for u in units}) == len(units)


def test_bridges_stand_on_the_river():
    """Where a road crosses the river there is a bridge over water."""
    world = make_world(SIZE, 1)
    bridges = [f for f in world.country.facilities if f.kind == "bridge"]
    assert bridges
    assert all(world.permanent[int(b.point.y), int(b.point.x)] for b in bridges)
