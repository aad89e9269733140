from itertools import product

import numpy as np
import pytest

from reliefscope.model.cube import CombinedDrought, MissingInput
from reliefscope.numerics import combined_drought as cdi
from reliefscope.numerics.combined_drought import Scheme, Stage

DRY, LOW, HALF, FINE = -1.5, -0.7, -0.3, 0.3
GAP = np.nan
N, W, G, A, R, S, V, P = Stage  # none, watch, warning, alert, recovery, soil, vegetation, partial


def _run(rain, soil, plants, scheme=Scheme.REVISED, spi_1=None, month=1):
    series = [np.array(s, dtype=float)[None] for s in (rain, soil, plants)]
    short = np.zeros_like(series[0]) if spi_1 is None else np.array(spi_1, dtype=float)[None]
    out = cdi.combined_drought(series[0], short, *series[1:], scheme=scheme, month=month)
    return out.stage[0].tolist(), out.missing[0].tolist()


@pytest.mark.parametrize(
    ("before", "rain", "soil", "plants", "want"),
    [
        # alert: rain is missing and plants suffer, whatever the soil
        (FINE, DRY, FINE, DRY, A),
        (FINE, DRY, DRY, DRY, A),
        (DRY, DRY, DRY, DRY, A),
        # warning: rain is missing and the soil is dry
        (FINE, DRY, DRY, FINE, G),
        (DRY, DRY, DRY, FINE, G),
        # watch, where rain is missing and nothing else
        (FINE, DRY, FINE, FINE, W),
        (DRY, DRY, FINE, FINE, W),
        # rain was missing a month ago: partial recovery while plants suffer, full when not
        (DRY, FINE, FINE, DRY, P),
        (DRY, FINE, DRY, DRY, P),
        (DRY, FINE, FINE, FINE, R),
        (DRY, FINE, DRY, FINE, R),
        # rain is and was normal: no drought, whatever soil and plants do
        (FINE, FINE, FINE, FINE, N),
        (FINE, FINE, DRY, FINE, N),
        (FINE, FINE, FINE, DRY, N),
        (FINE, FINE, DRY, DRY, N),
    ],
)
def test_every_row_of_the_original_table(before, rain, soil, plants, want):
    """Sepulcre-Canto et al. (2012), by hand: the second of two months."""
    stages, missing = _run([before, rain], [FINE, soil], [FINE, plants], Scheme.ORIGINAL)
    assert stages[1] == want
    assert missing == [0, 0]


# months that lead to each stage: rain, soil, plants
LEADS = {
    N: [(FINE, FINE, FINE)],
    W: [(DRY, FINE, FINE)],
    G: [(DRY, DRY, FINE)],
    A: [(DRY, DRY, DRY)],
    R: [(DRY, FINE, FINE), (FINE, FINE, FINE)],
    S: [(DRY, DRY, FINE), (DRY, HALF, FINE)],
    V: [(DRY, DRY, DRY), (DRY, DRY, HALF)],
}


ALL, OPEN = [N, W, G, A, R, S, V], [W, G, A, S, V]
RAINS, MOIST, NOT_POOR, ANY = (
    [DRY, FINE],
    [LOW, HALF, FINE],
    [LOW, HALF, FINE],
    [DRY, LOW, HALF, FINE],
)
ROWS = [
    # plants suffer: an alert where rain is missing, the soil is dry, or a drought is not over
    (ALL, [DRY], ANY, [DRY], A),
    (OPEN, [FINE], ANY, [DRY], A),
    ([N, R], [FINE], [DRY], [DRY], A),
    ([N, R], [FINE], MOIST, [DRY], N),
    # after an alert: hardly better, better for a while, well
    ([A, V], RAINS, ANY, [LOW], A),
    ([A, V], RAINS, ANY, [HALF], V),
    ([A, V], RAINS, [DRY], [FINE], G),
    ([A, V], [DRY], MOIST, [FINE], W),
    ([A, V], [FINE], MOIST, [FINE], R),
    # the soil is dry
    ([N, W, G, R, S], RAINS, [DRY], NOT_POOR, G),
    # after a warning: hardly better, better for a while, well
    ([G, S], RAINS, [LOW], NOT_POOR, G),
    ([G, S], RAINS, [HALF], NOT_POOR, S),
    ([G, S], [DRY], [FINE], NOT_POOR, W),
    ([G, S], [FINE], [FINE], NOT_POOR, R),
    # rain is missing, or no longer, or was not
    ([N, W, R], [DRY], MOIST, NOT_POOR, W),
    ([W], [FINE], MOIST, NOT_POOR, R),
    ([N, R], [FINE], MOIST, NOT_POOR, N),
]
CASES = [(*case, row[-1]) for row in ROWS for case in product(*row[:-1])]


def test_every_case_of_the_revised_scheme():
    """By hand: each stage before is led to by months of weather, then one more month follows."""
    for before, rain, soil, plants, want in CASES:
        months = [*LEADS[before], (rain, soil, plants)]
        stages, _ = _run(*zip(*months, strict=True))
        assert stages[-2] == before
        assert stages[-1] == want, (before, rain, soil, plants)


def test_the_rows_by_hand_cover_all_cases():
    """7 stages before, 2 kinds of rain, 4 of soil and 4 of plants, each just once above."""
    assert len(CASES) == len({case[:-1] for case in CASES}) == 7 * 2 * 4 * 4


@pytest.mark.parametrize(("month", "most"), [(1, 2), (3, 5)])
@pytest.mark.parametrize(("rain", "end"), [(DRY, W), (FINE, R)])
def test_a_temporary_recovery_does_not_last(month, most, rain, end):
    """Soil, or plants, neither dry nor well: five times ten days, two months, then it is over."""
    steps = most + 2
    soil, plants = [DRY, *[HALF] * (steps - 1)], [FINE] * steps
    assert _run([DRY, *[rain] * (steps - 1)], soil, plants, month=month)[0] == [
        G, *[S] * most, end,
    ]  # fmt: skip
    soil, plants = [FINE] * steps, [DRY, *[HALF] * (steps - 1)]
    assert _run([DRY, *[rain] * (steps - 1)], soil, plants, month=month)[0] == [
        A, *[V] * most, end,
    ]  # fmt: skip


def test_dry_soil_in_wet_months_is_no_drought_of_its_own():
    """SPI-3 above 0 and SPI-1 above 0.5, no drought before: none; within one it stays a warning."""
    assert _run([FINE], [DRY], [FINE], spi_1=[0.6])[0] == [N]
    assert _run([FINE], [DRY], [FINE], spi_1=[0.4])[0] == [G]
    assert _run([DRY, FINE], [DRY, DRY], [FINE, FINE], spi_1=[0, 0.6])[0] == [G, G]


def test_a_peer_that_forgets_the_stage_before_is_told_apart():
    """Soil wet again for a month within a drought: watch if forgotten, temporary if remembered."""
    weather = [(DRY, DRY, FINE), (DRY, HALF, FINE), (DRY, DRY, FINE)]
    assert _run(*zip(*weather, strict=True))[0] == [G, S, G]
    assert _run(*zip(*weather, strict=True), Scheme.ORIGINAL)[0] == [G, W, G]


def test_one_very_dry_month_is_a_watch():
    """SPI-1 below -2 counts as SPI-3 below -1; exactly -2 and -1 do not."""
    fine = [FINE] * 3
    stages, _ = _run([0, 0, -1.0], fine, fine, spi_1=[-2.1, -2.0, 0])
    assert stages == [W, R, N]


def test_missing_soil_or_plants_are_said_and_never_zero():
    """The stage is the least that is certain, the bits say what it lacks."""
    stages, missing = _run([DRY, DRY], [GAP, GAP], [FINE, GAP])
    assert stages == [W, W]
    assert missing == [2, 6]
    stages, missing = _run([DRY, DRY], [GAP, GAP], [FINE, GAP], Scheme.ORIGINAL)
    assert stages == [W, W]
    assert missing == [2, 6]


def test_what_was_last_seen_holds_while_it_is_missing():
    """Dry soil is not better because nobody looked: no temporary recovery without seeing one."""
    stages, missing = _run([DRY] * 3, [DRY, GAP, HALF], [FINE] * 3)
    assert stages == [G, G, S]
    assert missing == [0, 2, 0]


@pytest.mark.parametrize("scheme", Scheme)
def test_without_rain_nothing_is_stated_and_nothing_remembered(scheme):
    """A gap in the rain is not observed, and a drought after it begins anew."""
    stages, missing = _run([DRY, GAP, DRY], [DRY, DRY, FINE], [FINE] * 3, scheme)
    assert stages == [G, cdi.NOT_OBSERVED, W]
    assert missing[1] == 1
    # half of what is known of the rain is enough only to say that it is missing
    assert _run([GAP], [FINE], [FINE], scheme, spi_1=[-2.5])[0] == [W]
    assert _run([GAP], [FINE], [FINE], scheme, spi_1=[0.0])[0] == [cdi.NOT_OBSERVED]


def test_a_month_ago_is_three_steps_of_ten_days():
    """Original scheme: recovery is stated for the whole month after."""
    rain = [DRY, FINE, FINE, FINE, FINE]
    fine = [FINE] * 5
    assert _run(rain, fine, fine, Scheme.ORIGINAL)[0] == [W, R, N, N, N]
    assert _run(rain, fine, fine, Scheme.ORIGINAL, month=3)[0] == [W, N, N, R, N]


def test_codes_are_those_of_the_cube():
    """Numerics and the table of variables name the same stages by the same numbers."""
    assert {s.name: s.value for s in Stage} == {
        s.name: s.value for s in CombinedDrought if s is not CombinedDrought.NOT_OBSERVED
    }
    assert cdi.NOT_OBSERVED == CombinedDrought.NOT_OBSERVED
    bits = (cdi._NO_RAIN, cdi._NO_SOIL, cdi._NO_PLANTS)
    assert bits == (MissingInput.RAIN, MissingInput.SOIL, MissingInput.VEGETATION)


def test_many_pixels_are_each_their_own():
    """A cube gives what each of its series gives alone."""
    rng = np.random.default_rng(5)
    series = rng.normal(-0.7, 1, (4, 3, 5, 60)).astype("float32")
    series[rng.random(series.shape) < 0.05] = np.nan
    whole = cdi.combined_drought(*series)
    one = cdi.combined_drought(*series[:, 1, 2])
    np.testing.assert_array_equal(whole.stage[1, 2], one.stage)
    np.testing.assert_array_equal(whole.missing[1, 2], one.missing)
    assert set(np.unique(whole.stage)) == {0, 1, 2, 3, 4, 5, 6, 255}
