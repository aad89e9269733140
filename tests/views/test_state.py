from hypothesis import given
from hypothesis import strategies as st

from reliefscope.views.state import State, as_query, from_query

_DEGREES = st.tuples(
    st.floats(-179.9, 179.9).map(lambda x: round(x, 5)),
    st.floats(-89.9, 89.9).map(lambda x: round(x, 5)),
)
_STATES = st.builds(
    State,
    product=st.sampled_from(["", "EMSR1_AOI01_DEL_PRODUCT_r1_v1"]),
    lang=st.sampled_from(["en", "fr", "es", "ar"]),
    theme=st.sampled_from(["light", "dark"]),
    hazard=st.sampled_from(["", "flood", "drought"]),
    text=st.text(st.characters(categories=["L", "N"]), max_size=30),
    since=st.sampled_from(["", "2026-02-03"]),
    view=st.none()
    | st.tuples(_DEGREES, st.sampled_from([2.0, 13.25])).map(lambda v: (*v[0], v[1])),
    swipe=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    layers=st.dictionaries(
        st.sampled_from(["likelihood", "event", "depth_m"]),
        st.tuples(st.booleans(), st.sampled_from([0.0, 0.4, 1.0])),
    ),
    area=st.just(()) | st.lists(_DEGREES, min_size=3, max_size=20, unique=True).map(tuple),
    unit=st.sampled_from(["", "XX01"]),
    fact=st.sampled_from(["", "event_area_km2"]),
)


@given(_STATES)
def test_link_and_state_are_the_same(state):
    """Whatever a page shows, its link gives back."""
    assert from_query(f"?{as_query(state)}") == (state, ())


@given(st.text(max_size=200))
def test_no_link_breaks_the_page(query):
    """Any text is read: parts are understood, refused by name, or not ours."""
    state, _ = from_query(query)
    assert from_query(as_query(state))[0] == state


def test_endless_links_are_not_read():
    assert from_query("product=" + "A" * 20_000) == (State(), ("?",))
