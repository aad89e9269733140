"""Objects of a store that speaks S3, below a prefix: read, put if nobody else did, list, delete."""

import itertools
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from reliefscope.errors import PublishError
from reliefscope.settings import Settings

_T = TypeVar("_T")
_ANY = "any"
_REGION = "us-east-1"
_STATUS = re.compile(r"status code: (\d{3})|<Code>(\w+)</Code>")
_CHUNK = 8 * 1024 * 1024


class Conflict(Exception):  # noqa: N818 - not an error of the program
    """Another has put the object meanwhile."""


class Objects:
    """The objects of a bucket below a prefix; names are told without it.

    Parameters
    ----------
    store : S3Store
        The bucket.
    bucket, prefix : str
        Its name, and what all names begin with.
    """

    def __init__(self, store: S3Store, bucket: str, prefix: str) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._store = store
        self._prefix = f"{prefix}/" if prefix else ""

    @classmethod
    def of(cls, bucket: str, prefix: str, settings: Settings) -> Self:
        """Return the objects of a bucket, with the keys of the settings where there are any.

        Without keys the usual chain of the provider is asked (roles of machines and containers).
        """
        names = {
            "access_key_id": "AWS_ACCESS_KEY_ID",
            "secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "session_token": "AWS_SESSION_TOKEN",
        }
        config: dict[str, Any] = {
            option: settings.secrets[name]
            for option, name in names.items()
            if name in settings.secrets
        }
        if settings.s3_endpoint:
            config |= {"endpoint": settings.s3_endpoint, "virtual_hosted_style_request": False}
        plain = settings.s3_endpoint.startswith("http://")
        store = S3Store(
            bucket,
            region=settings.s3_region or _REGION,
            conditional_put="etag",
            client_options={"allow_http": plain, "connect_timeout": "10s", "timeout": "300s"},
            retry_config={"max_retries": 5},
            **config,
        )
        return cls(store, bucket, prefix)

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Return content and ETag of an object, or None where there is none."""

        def read() -> tuple[bytes, str]:
            answer = obstore.get(self._store, self._prefix + name)
            return bytes(answer.bytes()), str(answer.meta["e_tag"])

        try:
            return self._asked(name, read)
        except FileNotFoundError:
            return None

    def download(self, name: str, path: Path) -> None:
        """Write an object into a file."""

        def read() -> None:
            with path.open("wb") as file:
                for part in obstore.get(self._store, self._prefix + name).stream(_CHUNK):
                    file.write(part)

        self._asked(name, read)

    def put(self, name: str, content: bytes | Path, *, tag: str | None = _ANY) -> str:
        """Put an object and return its ETag.

        Parameters
        ----------
        name : str
            Of the object.
        content : bytes or Path
            What, or the file that holds it.
        tag : str, optional
            ETag of the object that is replaced, None where there must be none; any by default.

        Raises
        ------
        Conflict
            The object is another than ``tag`` says.
        """
        mode: Any = {"e_tag": tag} if tag else "create"

        def write() -> str:
            if tag == _ANY:
                answer = obstore.put(self._store, self._prefix + name, content)
            else:
                answer = obstore.put(
                    self._store, self._prefix + name, content, mode=mode, use_multipart=False
                )
            return str(answer["e_tag"])

        return self._asked(name, write)

    def names(self, start: str) -> list[str]:
        """Return the names of all objects whose names begin with ``start``, a folder."""
        return list(self.sizes(start))

    def sizes(self, start: str) -> dict[str, int]:
        """Return names and sizes [bytes] of all objects in a folder and below."""

        def listed() -> list[Any]:
            prefix = (self._prefix + start).rstrip("/")
            pages = obstore.list(self._store, prefix=prefix or None, chunk_size=1000)
            return list(itertools.chain.from_iterable(pages))

        found = self._asked(start, listed)
        return {str(e["path"]).removeprefix(self._prefix): int(e["size"]) for e in found}

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is no matter."""
        for name in names:
            try:
                self._asked(name, partial(obstore.delete, self._store, self._prefix + name))
            except FileNotFoundError:
                continue

    def _asked(self, name: str, call: Callable[[], _T]) -> _T:
        """Return the store's answer; what it says when it fails may hold a signature."""
        try:
            return call()
        except (AlreadyExistsError, PreconditionError):
            raise Conflict(name) from None
        except (NotFoundError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise PublishError(f"there is no bucket of {self.url}; make it first") from None
            raise FileNotFoundError(name) from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise PublishError(
                f"{self.url} refuses the keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to "
                f"those of someone who may list, read, put and delete there"
            ) from None
        except BaseError as error:
            found = [a or b for a, b in _STATUS.findall(str(error))]
            why = f"{type(error).__name__}{': ' if found else ''}{', '.join(found)}"
            raise PublishError(
                f"the object store of {self.url} failed ({why}); see that it can be reached "
                f"(AWS_ENDPOINT_URL, AWS_REGION), then run again"
            ) from None
