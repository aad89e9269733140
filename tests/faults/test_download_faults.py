"""Hundreds of broken downloads: the file is right or there is an error, never a wrong file."""

import collections
import hashlib
import shutil
import socket

import numpy as np
import pytest
import rasterio

from reliefscope.errors import ReliefscopeError, UnavailableError
from reliefscope.settings import Settings
from reliefscope.transport import client, download
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.download import Content, Expected
from reliefscope.transport.retry import Retry
from tests.faults.proxy import KINDS, Fault, fault_proxy
from tests.servers import file_server

RUNS = 24
"""Of each fault, half of them with a checksum known."""

SLACK = 70_000
"""Bytes that may be on the line when it breaks."""

_FRESH = {
    "flipped bits",
    "page inside",
    "says too little",
    "says too much",
    "changes",
    "packed",
}
"""Faults after which the file must be fetched from its start again."""
_RANGELESS = {"ignores ranges", "chunked", "wrong range"}
_UNDETECTABLE = {"flipped bits"}
"""Without a checksum nobody can tell."""


def _raster(path, seed):
    values = np.random.default_rng(seed).integers(0, 4000, (1, 400, 400)).astype("uint16")
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=400, count=1, dtype="uint16",
        tiled=True, blockxsize=128, blockysize=128, compress="deflate", crs="EPSG:32633",
        transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6),
    ) as raster:  # fmt: skip
        raster.write(values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A real GeoTIFF, and a later version of it."""
    folder = tmp_path_factory.mktemp("files")
    _raster(folder / "a.tif", 1)
    _raster(folder / "later.tif", 2)
    return folder


@pytest.fixture(scope="module")
def upstream(folder):
    with file_server(folder) as url:
        yield url


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(client, "READ_S", 0.15)
    monkeypatch.setattr(download, "SLOW_S", 0.1)


class Bearer:
    """Renews its token when it is refused."""

    def __init__(self):
        self.number = 0

    def headers(self):
        return {"Authorization": f"Bearer {self.number}"}

    def renew(self):
        self.number = 1


def _run(upstream, folder, cache, fault, *, vouched):
    """Fetch through the fault; return the bytes kept, or the error."""
    good = (folder / "a.tif").read_bytes()
    digest = hashlib.sha256(good).hexdigest()
    checksums = (f"1220{digest}",) if vouched else ()
    transport = Transport(Settings(cache=cache), retry=Retry(attempts=4, first_s=0.002))
    with fault_proxy(upstream, fault) as url:
        ask = Ask(url=f"{url}/a.tif", auth=Bearer() if fault.kind == "expired token" else None)
        expected = Expected(checksums=checksums, content=Content.RASTER)
        try:
            return transport.at(url).fetch(ask, expected).read_bytes()
        except ReliefscopeError as error:
            return error


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_right_or_there_is_an_error(upstream, folder, tmp_path, kind, record_property):
    """Seeded runs of one fault: right or an error, and nothing is fetched twice without need."""
    good = (folder / "a.tif").read_bytes()
    counts = collections.Counter()
    for seed in range(RUNS):
        vouched = bool(seed % 2) or kind in _UNDETECTABLE
        times = 1 + seed % (2 if kind in _FRESH else 5)
        fault = Fault(kind=kind, times=times, seed=seed, token="1")
        got = _run(upstream, folder, tmp_path / str(seed), fault, vouched=vouched)
        if isinstance(got, ReliefscopeError):
            counts[type(got).__name__] += 1
            continue
        counts["right" if got == good else "WRONG"] += 1
        if kind not in _FRESH | _RANGELESS:
            assert fault.sent <= len(good) + SLACK * fault.broken, (seed, fault.sent)
    record_property("counts", dict(counts))
    assert counts["WRONG"] == 0
    assert counts["right"] >= RUNS // 4, counts


def test_a_file_that_changes_on_the_way_is_never_a_mixture(folder, tmp_path):
    """The line breaks, the provider publishes a new version: what is kept is one of the two."""
    work = tmp_path / "served"
    for seed in range(12):
        shutil.copytree(folder, work, dirs_exist_ok=True)
        versions = [(work / name).read_bytes() for name in ("a.tif", "later.tif")]
        with file_server(work) as upstream:
            transport = Transport(Settings(cache=tmp_path / str(seed)), retry=Retry(attempts=1))
            fault = Fault(kind="reset", times=1, seed=seed)
            with fault_proxy(upstream, fault) as url:
                ask, expected = Ask(url=f"{url}/a.tif"), Expected(content=Content.RASTER)
                sent = []

                def swap(done, total, sent=sent):
                    if not sent:
                        shutil.copyfile(work / "later.tif", work / "a.tif")
                    sent.append((done, total))

                path = transport.at(url).fetch(ask, expected, progress=swap)
        assert path.read_bytes() in versions


def test_a_name_that_does_not_resolve_is_unavailable(tmp_path, monkeypatch):
    """Not a crash, and no answer is made up."""

    def unknown(*_, **__):
        raise socket.gaierror("no such name")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    transport = Transport(Settings(cache=tmp_path), retry=Retry(attempts=2, first_s=0.001))
    with pytest.raises(UnavailableError, match="could not be reached"):
        transport.fetch(Ask(url="https://nowhere.invalid/a.tif"))
