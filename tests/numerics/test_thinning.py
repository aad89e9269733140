"""One dot for many pixels."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import InputError
from reliefscope.numerics.thinning import mean_of_known, most_frequent

KNOWN = (0, 1, 2, 3, 255, 254)


def dots_of(pixels, dots):
    """Return the pixels of each dot along one axis."""
    edges = [n * pixels // dots for n in range(dots + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


@given(st.data())
def test_the_most_frequent_code_wins_or_the_favoured_one(data):
    """Counted dot by dot in plain words: the same class, whatever the sizes."""
    rows, columns = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    shape = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    codes = random.choice(np.uint8([*KNOWN, 77]), (rows, columns))
    got = most_frequent(codes, shape, KNOWN, favoured=1, share=8)
    plain = most_frequent(codes, shape, KNOWN)
    for i, r in enumerate(dots_of(rows, shape[0])):
        for j, c in enumerate(dots_of(columns, shape[1])):
            counts = [(codes[r, c] == k).sum() for k in KNOWN]
            assert plain[i, j] == KNOWN[int(np.argmax(counts))]
            favoured = counts[1] * 8 >= sum(counts)
            assert got[i, j] == (1 if favoured else plain[i, j])


def test_what_is_not_finite_neither_counts_as_zero_nor_spreads():
    """A dot is the mean of what was seen in it, and nothing where nothing was."""
    image = np.tile(np.array([[0, 10]], "float32"), (20, 10))
    image[:, 4:] = np.where(np.arange(20)[:, None] % 2, image[:, 4:], np.nan)
    image[:, 16:] = np.nan
    coarse = mean_of_known(image, (4, 10))
    assert coarse[:, :8] == pytest.approx(np.full((4, 8), 5.0))
    assert np.isnan(coarse[:, 8:]).all()


def test_more_dots_than_pixels_are_refused():
    """Thinning makes nothing up; and what is favoured must count."""
    with pytest.raises(InputError, match="cannot be thinned"):
        most_frequent(np.zeros((4, 4), "uint8"), (5, 4), [0])
    with pytest.raises(InputError, match="cannot be thinned"):
        mean_of_known(np.zeros((4, 4), "float32"), (4, 0))
    with pytest.raises(InputError, match="favoured"):
        most_frequent(np.zeros((4, 4), "uint8"), (2, 2), [0], favoured=1)
