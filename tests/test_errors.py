import pickle
import warnings

import pytest

from reliefscope import errors


def test_the_tree_is_as_drawn():
    """Callers catch by kind: each error stands under the parent its docstring shows."""
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.CubeError, errors.InputError)
    for kind in (
        errors.NothingFoundError,
        errors.AccessError,
        errors.IntegrityError,
        errors.UnavailableError,
    ):
        assert issubclass(kind, errors.SourceError)
    assert all(
        issubclass(getattr(errors, n), errors.ReliefscopeError)
        for n in dir(errors)
        if n.endswith("Error")
    )


def test_insufficient_data_keeps_its_fraction_through_pickling():
    """Workers send errors home; the observed fraction must arrive."""
    error = errors.InsufficientDataError("too little", observed_fraction=0.02)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(back), back.observed_fraction) == ("too little", 0.02)


def test_strict_turns_our_warnings_into_errors_and_no_others():
    """Inside the block a fallback stops the run; a stranger's warning does not."""
    with errors.strict(), pytest.raises(errors.FallbackWarning):
        warnings.warn("second choice", errors.FallbackWarning, stacklevel=1)
    with errors.strict(), pytest.warns(UserWarning, match="theirs"):
        warnings.warn("theirs", UserWarning, stacklevel=1)
