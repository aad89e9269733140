from types import MappingProxyType
from typing import Annotated

import pytest

from reliefscope.indicators import INDICATORS
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Hazard


def toy(after, *, drop: Annotated[float, Bounds("dB", 0, 20)] = 3.0, name: str = "x"):
    """Do nothing."""
    return after, drop, name


def test_parameters_are_read_off_the_signature():
    """Only annotated parameters count, with their default, unit and range."""
    indicator = Indicator(
        name="toy",
        title="Toy",
        hazard=Hazard.FLOOD,
        needs=MappingProxyType({"after": Need(any_of=("vv",), days=(0, 1))}),
        gives=("state",),
        reference="none",
        compute=toy,
    )
    assert indicator.parameters == {"drop": (3.0, Bounds("dB", 0, 20))}


def test_a_need_without_days_is_static():
    """Terrain has no window, an image has one."""
    assert Need(any_of=("elevation",)).static
    assert not Need(any_of=("vv",), days=(0, 12)).static


@pytest.mark.parametrize("name", INDICATORS)
def test_every_indicator_describes_itself(name):
    """Names agree, variables are in the one table, defaults lie inside their bounds."""
    indicator = INDICATORS[name]
    assert indicator.name == name
    wanted = {v for need in indicator.needs.values() for v in need.any_of}
    assert wanted | set(indicator.gives) <= set(VARIABLES)
    assert indicator.parameters
    for default, bounds in indicator.parameters.values():
        assert bounds.low <= default <= bounds.high
    assert indicator.reference.startswith("https://doi.org/")
