import pytest

from reliefscope.errors import InputError
from reliefscope.feeds._ids import event_id, identify, mentioned, sorted_out
from reliefscope.model.event import Hazard


@pytest.mark.parametrize(
    ("written", "scheme", "name"),
    [
        ("GDACS:FL-1102983", "gdacs", "FL1102983"),
        ("GDACS-FL-1102983", "gdacs", "FL1102983"),
        ("gdacs:fl1102983", "gdacs", "FL1102983"),
        ("FL1102983", "gdacs", "FL1102983"),
        ("FL-2024-000199-ESP", "glide", "FL-2024-000199-ESP"),
        ("glide:fl-2024-000199-esp", "glide", "FL-2024-000199-ESP"),
        ("EMSR847", "emsr", "EMSR847"),
        ("emsr:847", "emsr", "EMSR847"),
        ("CEMS:EMSR847", "emsr", "EMSR847"),
        ("EONET_15547", "eonet", "EONET_15547"),
        ("EONET-15547", "eonet", "EONET_15547"),
        ("EONET:EONET_15547", "eonet", "EONET_15547"),
        ("USGS:us6000pi9w", "usgs", "us6000pi9w"),
        ("USGS-official20110311054624120-30", "usgs", "official20110311054624120_30"),
        ("RELIEFWEB:52108", "reliefweb", "52108"),
        (" EMSR847\n", "emsr", "EMSR847"),
    ],
)
def test_what_people_write_names_a_disaster(written, scheme, name):
    """Any case, colon, hyphen or nothing between."""
    assert identify(written) == (scheme, name)


@pytest.mark.parametrize("written", ["", "flood", "GDACS:XX-1", "EMSR", "52108", "../x", "\u0663"])
def test_what_names_none_is_refused(written):
    """The message shows how names are written."""
    with pytest.raises(InputError, match="names no disaster; write a GLIDE number"):
        identify(written)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"gdacs": "FL1", "glide": "FL-2024-000199-ESP"}, "FL-2024-000199-ESP"),
        ({"gdacs": "TC1001230", "emsr": "EMSR847"}, "EMSR847"),
        ({"usgs": "us6000pi9w at00x", "gdacs": "EQ5"}, "GDACS-EQ-5"),
        ({"usgs": "official2011_30"}, "USGS-official2011-30"),
        ({"eonet": "EONET_15547"}, "EONET-15547"),
        ({"reliefweb": "7"}, "RELIEFWEB-7"),
        ({"gdacs": "../x", "eonet": "EONET_1"}, "EONET-1"),
        ({}, ""),
    ],
)
def test_the_best_known_name_becomes_the_identifier(ids, expected):
    """GLIDE, then EMSR, then GDACS; it can be asked for again, and names unfit are passed over."""
    assert event_id(ids) == expected
    if expected:
        scheme, name = identify(expected)
        assert name in ids[scheme].split()


def test_the_name_of_another_hazard_is_a_relation():
    """A flood that carries the number of the cyclone that brought it is not that cyclone."""
    names = [("emsr", "EMSR1"), ("gdacs", "TC7"), ("glide", "FL-2024-000199-ESP"), ("usgs", "")]
    own, related = sorted_out(names, Hazard.FLOOD)
    assert own == {"emsr": "EMSR1", "glide": "FL-2024-000199-ESP"}
    assert related == ("gdacs:TC7",)


def test_numbers_in_a_text_count_when_there_is_one():
    """Two EMSR numbers in a text do not tell which is meant."""
    assert mentioned("see EMSR847, EMSR847 and FL-2024-000199-ESP.") == [
        ("glide", "FL-2024-000199-ESP"),
        ("emsr", "EMSR847"),
    ]
    assert mentioned("EMSR847 or EMSR848") == []
    assert mentioned(None) == []
