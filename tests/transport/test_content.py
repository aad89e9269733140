"""Answers in JSON are weighed before a parser is let loose on them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.transport.content import parse_json, too_deep

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('[]{}"\\ab', max_size=300),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('[{"\\', max_size=5), inner),
)


@given(_JSON)
def test_brackets_in_text_do_not_count(value):
    """Whatever its strings and keys hold, JSON of ordinary depth is parsed as it is."""
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_depth_is_counted_before_parsing(bracket):
    """400 levels are parsed, one more is refused, closed or not."""
    ends = {"[": "]", '{"a":': "}"}[bracket]
    fits = (bracket * 400 + "1" + ends * 400).encode()
    assert parse_json(fits)
    assert too_deep(bracket.encode() * 401)
    with pytest.raises(ValueError, match="more than 400 deep"):
        parse_json((bracket * 401 + "1" + ends * 401).encode())


def test_many_shallow_brackets_are_no_depth():
    """A long list of points is not deep."""
    assert len(parse_json(json.dumps([[0, 1]] * 10_000).encode())) == 10_000
