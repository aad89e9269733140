"""Records that are alike are written once, and come back as they were."""

import json

from hypothesis import given
from hypothesis import strategies as st

from reliefscope.products.folding import MANY, folded, unfolded

LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "b"])
ASSETS = st.dictionaries(
    st.sampled_from(["vv", "vh"]),
    st.fixed_dictionaries({"href": LEAVES, "checksum": LEAVES}),
    max_size=2,
)


@given(st.lists(st.fixed_dictionaries({"id": LEAVES, "assets": ASSETS}), max_size=5), st.data())
def test_what_is_folded_comes_back_as_it_was(few, data):
    """Any records, also many, of several builds, without assets: the same, in the same order."""
    times = [data.draw(st.integers(1, 2 * MANY)) for _ in few]
    records = [record for record, n in zip(few, times, strict=True) for _ in range(n)]
    stored = json.loads(json.dumps(folded(records)))
    assert unfolded(stored) == records
    assert unfolded(records) == records


def test_decades_of_days_in_yearly_files_are_small():
    """What all share is told once, what a year shares once a year, the rest once each."""
    days = [
        {"id": f"d{n}", "licence": "CC0", "assets": {"t": {"checksum": f"{n // 365:064d}"}}}
        for n in range(3650)
    ]
    (entry,) = folded(days)
    assert entry["same"] == {"licence": "CC0"}
    assert [n for _, n in entry["runs"]["assets/t/checksum"]] == [365] * 10
    assert len(entry["each"]["id"]) == entry["count"] == 3650
    assert len(json.dumps(entry)) < len(json.dumps(days)) / 8


def test_few_are_written_one_by_one():
    """A reader of a usual product finds its granules as they are."""
    few = [{"id": str(n)} for n in range(MANY)]
    assert folded(few) == few
