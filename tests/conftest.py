"""Fixtures for all tests: no network but loopback, warnings are errors, real data beside us."""

import os
import shutil
import socket
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

# how long an example takes says nothing of whether it is right
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")

# what takes long begins early, so that no worker is left with it at the end
_FIRST = ("tests/browser/", "tests/test_notebooks.py", "tests/products/test_bucket.py",
          "tests/products/test_publish_faults.py", "tests/rehearsal/", "tests/benchmarks/",
          "tests/contracts/test_static.py")  # fmt: skip
# tests that share nothing of their file, and may run beside each other
_ALONE = ("tests/benchmarks/", "tests/contracts/test_static.py")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class _ByFile(LoadScopeScheduling):
    """Hands out files, whose fixtures are then made once, and all of the browser's at once."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_ALONE):
            return nodeid
        return "browser" if nodeid.startswith("tests/browser/") else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Run files, and not tests, side by side."""
    config.option.loadscopereorder = False
    return _ByFile(config, log)


def pytest_collection_modifyitems(items):
    """Begin with what takes long."""
    places = {path: n for n, path in enumerate(_FIRST)}

    def place(item):
        return next((n for path, n in places.items() if item.nodeid.startswith(path)), len(places))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            pytest.fail(f"a test tried to reach {address}", pytrace=False)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real scenes, labels and recorded answers, where they are kept beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data are not beside this checkout (../shared/data)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Where Chromium is: pages are not looked at where there is none, but CI must."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None and os.environ.get("CI", "").lower() == "true":
        pytest.fail("no Chromium is installed, and CI must look at the pages")
    if path is None:
        pytest.skip("no Chromium is installed: pages are not looked at here")
    return path


@pytest.fixture(scope="module")
def chromium(browser_path):
    """A headless Chromium, closed with the module: its driver keeps an event loop running."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is one

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser
        browser.close()
