import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import InputError
from reliefscope.numerics.vote import NO_VOTE, majority


def together(votes, likelihoods=None):
    votes = np.array(votes, np.uint8)[:, None]
    if likelihoods is None:
        likelihoods = np.where(votes == 1, 80, 10)
    return majority(votes, np.asarray(likelihoods, np.uint8).reshape(votes.shape))


@pytest.mark.parametrize(
    ("votes", "event"),
    [
        ([1], True),
        ([0], False),
        ([1, 0], False),
        ([1, 1], True),
        ([1, NO_VOTE], True),
        ([0, NO_VOTE], False),
        ([1, 1, 0], True),
        ([1, 0, 0], False),
        ([1, 0, NO_VOTE], False),
        ([NO_VOTE, 1, NO_VOTE], True),
        ([NO_VOTE, NO_VOTE, NO_VOTE], False),
    ],
)
def test_more_than_half_of_those_that_can_tell(votes, event):
    """One of two is not enough; who is alone decides; who cannot tell does not count.

    Peer defect: two algorithms, one vote, counted as a flood.
    """
    assert together(votes).event[0] == event


def test_the_likelihood_is_the_mean_of_those_that_can_tell():
    """90 and 20 and a member that cannot tell: 55; none that can: no likelihood, not 0."""
    got = together([1, 0, NO_VOTE], [90, 20, 255])
    assert (got.likelihood[0], got.votes[0], got.members[0]) == (55, 1, 2)
    none = together([NO_VOTE, NO_VOTE], [255, 255])
    assert (none.likelihood[0], none.votes[0], none.members[0]) == (NO_VOTE, 0, 0)


@given(st.lists(st.sampled_from([0, 1, NO_VOTE]), min_size=1, max_size=6), st.randoms())
def test_the_order_of_members_does_not_matter(votes, random):
    """Counted by hand, in any order."""
    got = together(votes)
    yes, no = votes.count(1), votes.count(0)
    assert got.event[0] == (yes > no)
    random.shuffle(votes)
    again = together(votes)
    assert [a[0] for a in again] == [a[0] for a in got]


@pytest.mark.parametrize("shapes", [((0, 3), (0, 3)), ((2, 3), (2, 4))])
def test_members_must_be_alike(shapes):
    """No member, or layers of other shapes."""
    with pytest.raises(InputError):
        majority(*(np.zeros(s, np.uint8) for s in shapes))
