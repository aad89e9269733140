import pytest

from reliefscope.model.cube import VARIABLES
from reliefscope.products.layers import GRADINGS, MEASURES
from reliefscope.views.wording import measure_name
from reliefscope.words import languages, words_in


@pytest.mark.parametrize("lang", sorted(set(languages()) - {"en"}))
def test_every_published_layer_has_a_name_in_every_language(lang):
    """No measure or class layer is called by the English long name of its variable."""
    for name in (*MEASURES, *GRADINGS):
        told = measure_name(name, words_in(lang))
        assert told != measure_name(name, words_in("en")), name
        assert told != VARIABLES[name].long_name, name
