"""Several maps of one event, put together by majority."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError

NO_VOTE = 255
"""Code of a member that cannot tell, and of a likelihood that nobody states."""

_MAJORITY = 2


class Ensemble(NamedTuple):
    """What the members say together, each array, (...)."""

    event: NDArray[np.bool_]
    """More than half of those that can tell say event."""
    likelihood: NDArray[np.uint8]
    """Mean of the members that can tell [percent]; `NO_VOTE` where none can."""
    votes: NDArray[np.uint8]
    """How many say event."""
    members: NDArray[np.uint8]
    """How many can tell."""


def majority(votes: NDArray[np.uint8], likelihoods: NDArray[np.uint8]) -> Ensemble:
    """Put the votes of several members together.

    The rule of the Global Flood Monitoring product of the Copernicus Emergency Management Service
    (its Product User Manual): event where more than half of the members that can tell
    say so. Of two, one is not enough; one that is alone decides.

    Parameters
    ----------
    votes : array, (member, ...)
        0 no event, 1 event, `NO_VOTE` cannot tell.
    likelihoods : array, (member, ...)
        Percent; only read where the member votes.

    Raises
    ------
    InputError
        The shapes differ or there is no member.
    """
    if votes.shape != likelihoods.shape or not len(votes):
        raise InputError(
            f"votes are {votes.shape} and likelihoods {likelihoods.shape}; make them alike, one or "
            f"more members first"
        )
    shape = votes.shape[1:]
    yes, told = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
    total = np.zeros(shape, dtype=np.uint16)
    for vote, likelihood in zip(votes, likelihoods, strict=True):
        tells = vote != NO_VOTE
        told += tells
        yes += vote == 1
        total += np.where(tells, likelihood, 0)
    mean = np.rint(total / np.maximum(told, 1)).astype(np.uint8)
    return Ensemble(
        event=_MAJORITY * yes > told,
        likelihood=np.where(told > 0, mean, np.uint8(NO_VOTE)),
        votes=yes,
        members=told,
    )
