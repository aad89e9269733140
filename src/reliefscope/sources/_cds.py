"""The Climate Data Store: a request becomes a job, waits in a queue, and leaves a file.

Protocol: OGC API Processes as the store speaks it
(https://cds.climate.copernicus.eu/api/retrieve/v1/docs). Asked through our own transport and not
with the store's client: that one sends the key along to whatever host an answer names, writes all
answers to the log, knows nothing of being offline, and forgets its job when the process ends.
"""

import datetime as dt
import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    SourceError,
    UnavailableError,
)
from reliefscope.transport.answers import answer_key, keep_answer, kept_answer
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Content, Expected, Progress, unseen

log = logging.getLogger(__name__)

FIRST_S, SLOWER, LONGEST_S = 1.0, 1.5, 120.0
"""Waits between two looks at a job: the first, by how much they grow, the longest [s]."""

_MAX_ANSWER = 5_000_000
_WAITING = frozenset({"accepted", "running"})
_T = TypeVar("_T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Key:
    """The key with each request, never sent on to another host."""

    key: SecretStr

    def headers(self) -> Mapping[str, str]:
        return {"PRIVATE-TOKEN": self.key.get_secret_value()}

    def renew(self) -> None:
        """Do nothing: a key does not expire by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of one data set."""

    dataset: str
    part: str
    """What people call this part of it."""
    inputs: Mapping[str, object]

    def __str__(self) -> str:
        """Return what errors call it."""
        return f"{self.dataset} of {self.part}"

    @property
    def identity(self) -> str:
        """What the file is known by: the same request is the same file."""
        asked = json.dumps([self.dataset, dict(self.inputs)], sort_keys=True)
        return f"cds:{self.dataset}:{hashlib.sha256(asked.encode()).hexdigest()}"


class ClimateStore:
    """Files of the Climate Data Store; a job survives this process and is taken up again.

    Parameters
    ----------
    url : str
        Address of the API.
    wire : Transport
        Knows the cache, the key, and whether there is a network.
    access : Access
        What the key is called.
    patience_s : float
        How long to wait for one job [s].
    """

    def __init__(self, *, url: str, wire: Transport, access: Access, patience_s: float) -> None:
        self._url, self._wire, self._access = url.rstrip("/"), wire, access
        self._patience_s = patience_s

    def latest(self, dataset: str) -> dt.datetime | None:
        """Return the last moment of a data set as its catalogue states it; None if it does not.

        Raises
        ------
        IntegrityError, UnavailableError
            The catalogue does not answer with a description, or not at all.
        """
        ask = Ask(url=f"{self._url}/catalogue/v1/collections/{dataset}")
        try:
            return _Collection.model_validate(self._wire.json(ask, cap=_MAX_ANSWER)).last
        except ValidationError:
            log.warning("%s does not say how far it reaches", dataset)
            return None

    def fetch(self, request: Request, progress: Progress = unseen) -> Path:
        """Return the file of a request: from the cache, of a job that was sent before, or new.

        Raises
        ------
        AccessError
            No key, a wrong one, or the licence has not been accepted.
        InputError
            The store refuses the request.
        IntegrityError
            What the store answers makes no sense, or the file is damaged.
        UnavailableError
            The job failed, or has not ended within the patience: run again to go on waiting.
        """
        try:
            return self._fetch(request, progress)
        except (SourceError, InputError) as error:
            raise type(error)(f"{request}: {error}") from error

    def _fetch(self, request: Request, progress: Progress) -> Path:
        held = self._wire.held(request.identity)
        if held is not None:
            return held
        if self._wire.settings.offline:
            raise UnavailableError(
                "offline, and it is not in the cache; run the same command once with a network, "
                "or `reliefscope fetch`"
            )
        auth = _Key(self._wire.credentials(self._access)[self._access.names[0]])
        job = self._known_job(request, auth) or self._submit(request, auth)
        self._wait(job, request, auth)
        try:
            return self._receive(job, request, auth, progress)
        except NothingFoundError:  # results are kept for some days only
            log.info("%s: job %s has no file any longer; sent again", request, job)
        job = self._submit(request, auth)
        self._wait(job, request, auth)
        return self._receive(job, request, auth, progress)

    def _known_job(self, request: Request, auth: _Key) -> str | None:
        """Return the job that an earlier run has sent, if it may still end well."""
        kept = kept_answer(self._wire.settings.cache, self._note(request))
        if kept is None:
            return None
        job = kept.decode("ascii", errors="replace")
        try:
            status = self._status(job, auth)
        except NothingFoundError:
            return None
        log.info("%s: taking up job %s, %s", request, job, status)
        return job if status in _WAITING or status == "successful" else None

    def _note(self, request: Request) -> str:
        return answer_key("JOB", self._url, request.identity, {})

    def _submit(self, request: Request, auth: _Key) -> str:
        ask = Ask(
            url=f"{self._url}/retrieve/v1/processes/{request.dataset}/execution",
            body={"inputs": dict(request.inputs)},
            auth=auth,
        )
        try:
            job = self._read(_Job, ask).id
        except AccessError:
            raise self._refused(request, auth) from None
        except NothingFoundError as error:
            raise InputError(f"the store has no data set {request.dataset!r}: {error}") from error
        keep_answer(self._wire.settings.cache, self._note(request), job.encode())
        log.info("%s: sent as job %s", request, job)
        return job

    def _refused(self, request: Request, auth: _Key) -> AccessError:
        """Tell a key that is wrong from a licence that has not been accepted."""
        service = self._access.service
        try:
            ask = Ask(url=f"{self._url}/retrieve/v1/jobs", params={"limit": "1"}, auth=auth)
            self._read(_Jobs, ask)
        except AccessError:
            return AccessError(
                f"{service} refuses {self._access.names[0]}: it is wrong or was withdrawn; "
                f"{self._access.how}"
            )
        site = self._url.removesuffix("/api")
        return AccessError(
            f"{service} knows the key but refuses this data set: accept its licence once at "
            f"{site}/datasets/{request.dataset}?tab=download#manage-licences (if you have, the "
            f"request is too large: choose a shorter window or a smaller area)"
        )

    def _wait(self, job: str, request: Request, auth: _Key) -> None:
        """Look at a job, less and less often, until it has ended well."""
        waited, pause, before = 0.0, FIRST_S, ""
        while (status := self._status(job, auth)) in _WAITING:
            if status != before:
                log.info("%s: job %s is %s", request, job, status)
            if waited >= self._patience_s:
                raise UnavailableError(
                    f"{self._access.service}: job {job} is still {status} "
                    f"after {waited / 60:.0f} min; it goes on without you: run the same command "
                    f"again later"
                )
            time.sleep(pause)
            waited, before = waited + pause, status
            pause = min(pause * SLOWER, LONGEST_S, max(self._patience_s - waited, FIRST_S))
        if status != "successful":
            raise UnavailableError(
                f"{self._access.service}: job {job} is {status}"
                f"{self._reason(job, auth)}; run the same command again to send it anew"
            )

    def _status(self, job: str, auth: _Key) -> str:
        return self._read(_Job, Ask(url=f"{self._url}/retrieve/v1/jobs/{job}", auth=auth)).status

    def _reason(self, job: str, auth: _Key) -> str:
        try:
            self._read(_Results, self._results(job, auth))
        except InputError as error:  # the answer to a failed job is a refusal with the reason
            return f": {error}"
        except (AccessError, IntegrityError, NothingFoundError, UnavailableError):
            return ""
        return ""

    def _results(self, job: str, auth: _Key) -> Ask:
        return Ask(url=f"{self._url}/retrieve/v1/jobs/{job}/results", auth=auth)

    def _receive(self, job: str, request: Request, auth: _Key, progress: Progress) -> Path:
        ask = self._results(job, auth)
        file = self._read(_Results, ask).asset.value
        href = urljoin(ask.url, file.href)
        packed = urlsplit(href).path.endswith(".zip") or file.type == "application/zip"
        digest = request.identity.rsplit(":", 1)[-1]
        return self._wire.fetch(
            Ask(url=href),  # without the key: the file is elsewhere, and open
            Expected(
                name=f"{request.dataset}-{digest[:16]}.{'zip' if packed else 'nc'}",
                size=file.size,
                content=Content.ZIP if packed else Content.RASTER,
            ),
            identity=request.identity,
            progress=progress,
        )

    def _read(self, kind: type[_T], ask: Ask) -> _T:
        answer = self._wire.json(ask, cap=_MAX_ANSWER, keep=False)
        try:
            return kind.model_validate(answer)
        except ValidationError as error:
            raise IntegrityError(
                f"{self._wire.shown(ask.url)} answered with something else than was expected; "
                f"the service may be under maintenance"
            ) from error


class _Job(BaseModel):
    id: str = Field(pattern="^[A-Za-z0-9-]{1,100}$", alias="jobID")
    status: str = Field(pattern="^[a-z]{1,20}$")


class _Jobs(BaseModel):
    jobs: list[object]


class _File(BaseModel):
    href: str
    type: str = ""
    size: int | None = Field(default=None, ge=0, alias="file:size")


class _Asset(BaseModel):
    value: _File


class _Results(BaseModel):
    asset: _Asset


class _Temporal(BaseModel):
    interval: list[tuple[dt.datetime | None, dt.datetime | None]] = Field(min_length=1)


class _Extent(BaseModel):
    temporal: _Temporal


class _Collection(BaseModel):
    extent: _Extent

    @property
    def last(self) -> dt.datetime | None:
        """End of the last interval, UTC."""
        end = self.extent.temporal.interval[-1][1]
        return end.replace(tzinfo=dt.UTC) if end is not None and end.tzinfo is None else end
