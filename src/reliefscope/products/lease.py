"""A lock in an object store: held as long as its holder is heard of.

No clock is compared with another machine's. Who waits looks at the ETag: a holder that lives puts
the object anew every few seconds; one whose object has stayed the same for a whole lease, by the
waiter's own count, has died. All changes are made by compare and swap.
"""

import json
import logging
import secrets
import threading
import time
from types import TracebackType
from typing import Self

from reliefscope.errors import PublishError, ReliefscopeError
from reliefscope.products.objects import Conflict, Objects

log = logging.getLogger(__name__)

_BEATS = 4
"""How often a holder is heard of during a lease."""


class Lease:
    """The lock ``name``, as a context manager.

    Parameters
    ----------
    objects : Objects
        Where the lock is kept.
    name : str
        Of the lock.
    lease_s : float
        How long a silent holder is waited for [s].
    wait_s : float
        How long a living one is [s].
    """

    def __init__(
        self, objects: Objects, name: str, lease_s: float, *, wait_s: float = 900.0
    ) -> None:
        self._objects = objects
        self._name = name
        self._key = f".locks/{name}.json"
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._tag = ""
        self._lost = False
        self._turn = threading.Lock()
        self._done = threading.Event()
        self._beat = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        """Wait for the lock.

        Raises
        ------
        PublishError
            Another publisher keeps it for too long, or the store fails.
        """
        start = since = time.monotonic()
        seen = ""
        while True:
            found = self._objects.get(self._key)
            now = time.monotonic()
            if found is None or not _held(found[0]) or (
                found[1] == seen and now - since > self._lease_s
            ):  # fmt: skip
                try:
                    tag = None if found is None else found[1]
                    self._tag = self._objects.put(self._key, _content(held=True), tag=tag)
                except Conflict:
                    continue
                self._beat.start()
                return self
            if found[1] != seen:
                seen, since = found[1], now
            if now - start > self._wait_s:
                raise PublishError(
                    f"another run has been publishing {self._name!r} for {self._wait_s:.0f} s; let "
                    f"it finish, or stop it and run again"
                )
            time.sleep(min(self._lease_s / 20, 0.5))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back, if it is still ours."""
        self._done.set()
        self._beat.join()
        try:
            if not self._lost:
                self._objects.put(self._key, _content(held=False), tag=self._tag)
        except (Conflict, ReliefscopeError) as failure:
            log.warning("lock %r was not given back: %s", self._name, type(failure).__name__)

    def renew(self) -> None:
        """Be heard of.

        Raises
        ------
        PublishError
            Another has taken the lock: we were silent for too long.
        """
        with self._turn:
            if not self._lost:
                try:
                    self._tag = self._objects.put(self._key, _content(held=True), tag=self._tag)
                except Conflict:
                    self._lost = True
            if self._lost:
                raise PublishError(
                    f"this run was silent for over {self._lease_s:.0f} s and another has taken "
                    f"over {self._name!r}; run again"
                )

    def _keep(self) -> None:
        while not self._done.wait(self._lease_s / _BEATS):
            try:
                self.renew()
            except PublishError as error:
                log.warning("%s", error)
                if self._lost:
                    return


def _content(*, held: bool) -> bytes:
    """Return what the lock's object holds; never the same twice."""
    return json.dumps({"held": held, "mark": secrets.token_hex(8)}).encode()


def _held(content: bytes) -> bool:
    try:
        return bool(json.loads(content)["held"])
    except (ValueError, KeyError, TypeError):
        return False
