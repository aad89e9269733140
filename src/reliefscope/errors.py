"""Every error and warning this package raises on purpose.

::

    ReliefscopeError
    ├── InputError(ValueError)      the caller asked for what cannot be
    │   └── CubeError               a name, dimension, unit or CRS breaks the contract
    ├── SourceError                 the outside world did not deliver
    │   ├── NothingFoundError       searched, nothing there: not a failure of the service
    │   ├── AccessError             credentials, licence, EULA
    │   ├── IntegrityError          what arrived is not what was promised
    │   └── UnavailableError        service or network failed; the only one that is retried
    ├── PublishError                the catalog could not take the product
    └── InsufficientDataError       data came, but too little to state the indicator
    ReliefscopeWarning(UserWarning)
    ├── PartialCoverageWarning      the product covers less than what was asked
    ├── FallbackWarning             a second choice was used instead of the first
    └── ProvenanceWarning           what the metadata say and what the pixels say differ

A message says what was given, what is allowed, and what to do next.
"""

import contextlib
import warnings
from collections.abc import Iterator


class ReliefscopeError(Exception):
    """Base of every error raised on purpose."""


class InputError(ReliefscopeError, ValueError):
    """The caller asked for what cannot be."""


class CubeError(InputError):
    """A cube breaks its contract: a name, dimension, unit or CRS."""


class SourceError(ReliefscopeError):
    """The outside world did not deliver."""


class NothingFoundError(SourceError):
    """The search worked and found nothing."""


class AccessError(SourceError):
    """Credentials, a licence or an agreement are missing."""


class IntegrityError(SourceError):
    """What arrived is not what was promised: size, checksum, or not a raster.

    Parameters
    ----------
    message : str
        What was promised, what came, what to do next.
    href : str
        The file at fault, as its granule names it; empty where no single file is.
    """

    def __init__(self, message: str, *, href: str = "") -> None:
        super().__init__(message)
        self.href = href

    def __reduce__(self) -> tuple[object, ...]:
        """Carry the file through pickling, as dask workers need."""
        return (_rebuild_integrity, (type(self), str(self), self.href))


class UnavailableError(SourceError):
    """The service or the network failed; trying again may help."""


class PublishError(ReliefscopeError):
    """The catalog could not take the product; nothing half-written is left."""


class InsufficientDataError(ReliefscopeError):
    """Data came, but too little of it to state the indicator.

    Parameters
    ----------
    message : str
        What was seen, what is needed, what to do next.
    observed_fraction : float
        Share of the area that was observed [0-1].
    """

    def __init__(self, message: str, *, observed_fraction: float) -> None:
        super().__init__(message)
        self.observed_fraction = observed_fraction

    def __reduce__(self) -> tuple[object, ...]:
        """Carry the fraction through pickling, as dask workers need."""
        return (_rebuild_insufficient, (str(self), self.observed_fraction))


def _rebuild_insufficient(message: str, observed_fraction: float) -> InsufficientDataError:
    return InsufficientDataError(message, observed_fraction=observed_fraction)


def _rebuild_integrity(kind: type[IntegrityError], message: str, href: str) -> IntegrityError:
    return kind(message, href=href)


class ReliefscopeWarning(UserWarning):
    """Base of every warning issued on purpose."""


class PartialCoverageWarning(ReliefscopeWarning):
    """The product covers less than what was asked."""


class FallbackWarning(ReliefscopeWarning):
    """A second choice was used instead of the first."""


class ProvenanceWarning(ReliefscopeWarning):
    """What the metadata say and what the pixels say differ."""


@contextlib.contextmanager
def strict() -> Iterator[None]:
    """Turn this package's warnings into errors inside the ``with`` block."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ReliefscopeWarning)
        yield
