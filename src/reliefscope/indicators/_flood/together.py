"""The members of the ensemble, put together by majority."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators._flood.decide import SURE
from reliefscope.model.cube import NO_LIKELIHOOD, State
from reliefscope.numerics.vote import NO_VOTE, majority

_LAYERS = ("state", "likelihood", "exclusion")
_GIVES = {
    "state": "uint8",
    "likelihood": "uint8",
    "exclusion": "uint8",
    "votes": "uint8",
    "members": "uint8",
}


def together(members: Sequence[dict[str, xr.DataArray]]) -> dict[str, xr.DataArray]:
    """Return state, likelihood, exclusion, votes and members of several maps; lazily."""
    results = xr.apply_ufunc(
        partial(combine, count=len(members)),
        *(member[name] for name in _LAYERS for member in members),
        output_core_dims=[[] for _ in _GIVES],
        output_dtypes=list(_GIVES.values()),
        dask="parallelized",
    )
    out = dict(zip(_GIVES, results, strict=True))
    advisory = members[0]["advisory"]
    for member in members[1:]:
        advisory = advisory | member["advisory"]
    return {**out, "advisory": advisory}


def combine(*arrays: NDArray[Any], count: int) -> tuple[NDArray[np.uint8], ...]:
    """Put states, likelihoods and exclusions of ``count`` members together.

    A member that excluded a pixel, or did not see it, has no vote there. Likelihood is the mean
    of those that vote, at least 50 exactly on event; on reference water it is the highest, of
    water now. Where nobody can tell, the reasons of all are kept.

    Parameters
    ----------
    *arrays : array, (...)
        The states of all members, then the likelihoods, then the exclusions.
    count : int
        How many members there are.
    """
    states, likelihoods, exclusions = (
        np.stack([np.asarray(a) for a in arrays[i * count : (i + 1) * count]]) for i in range(3)
    )
    told = (states == State.NO_EVENT) | (states == State.EVENT) | (states == State.REFERENCE)
    votes = np.where(told, states == State.EVENT, NO_VOTE).astype(np.uint8)
    stated = np.where(likelihoods == NO_LIKELIHOOD, 0, likelihoods).astype(np.uint8)
    said = majority(votes, stated)
    reference = (states == State.REFERENCE).any(axis=0) & ~said.event
    dry = (said.members > 0) & ~said.event & ~reference
    state = np.full(said.event.shape, State.NOT_OBSERVED, dtype=np.uint8)
    state[(states == State.EXCLUDED).any(axis=0)] = State.EXCLUDED
    state[dry] = State.NO_EVENT
    state[reference] = State.REFERENCE
    state[said.event] = State.EVENT
    likelihood = np.where(reference, np.where(told, stated, 0).max(axis=0), said.likelihood)
    np.maximum(likelihood, SURE, out=likelihood, where=said.event)
    np.minimum(likelihood, SURE - 1, out=likelihood, where=dry)
    exclusion = np.where(state == State.EXCLUDED, np.bitwise_or.reduce(exclusions, axis=0), 0)
    return state, likelihood, exclusion.astype(np.uint8), said.votes, said.members
