"""The benchmark of flood depth measures what it says."""

import numpy as np

from benchmarks.flood_depth import cubes, scene
from reliefscope.indicators.flood_depth import flood_depth


def test_its_scene_has_many_bodies_and_a_depth_for_each():
    """Hundreds of bodies on half a thousand pixels; nearly all water gets a depth."""
    state, height, bodies = scene(512)
    assert bodies > 50
    out = flood_depth(*cubes(state, height))
    assert np.isfinite(out["depth_m"].values[state == 1]).mean() > 0.99
