import pytest

from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS
from reliefscope.views.inspecting import _step, check_reference, parameters


@pytest.mark.parametrize("name", INDICATORS)
def test_sliders_can_stand_on_the_default(name):
    """A browser rounds to the step: a default off the grid would be changed without a word."""
    for default, bounds in INDICATORS[name].parameters.values():
        steps = (default - bounds.low) / _step(bounds, default)
        assert steps == pytest.approx(round(steps), abs=1e-4)


@pytest.mark.parametrize("name", INDICATORS)
def test_untouched_sliders_change_no_parameter(name):
    """What a form sends back when nobody moved anything is the indicator's own defaults."""
    indicator = INDICATORS[name]
    sent = {key: f"{default:g}" for key, (default, _) in indicator.parameters.items()}
    assert parameters(indicator, sent) == {}


def test_moved_slider_is_the_only_change():
    moved = parameters(INDICATORS["flood_sar"], {"core": "75"})
    assert moved == {"core": 75.0}


def test_words_are_no_parameter():
    with pytest.raises(InputError, match="core is no number"):
        parameters(INDICATORS["flood_sar"], {"core": "much"})


@pytest.mark.parametrize(
    ("suffix", "content"),
    [(".tif", b"<VRTDataset>"), (".gpkg", b"{}"), (".geojson", b"GIF89a"), (".tif", b"")],
)
def test_reference_is_what_its_name_says(suffix, content):
    """A file that GDAL would read as something else, such as a VRT, gets no further."""
    with pytest.raises(InputError, match="export it again"):
        check_reference(suffix, content)
