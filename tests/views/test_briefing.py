import subprocess
import sys
import time
import urllib.request

import pytest

from reliefscope.cli import main
from reliefscope.views.briefing import Briefing
from tests.servers import free_port


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A catalog with one small exercise."""
    folder = tmp_path_factory.mktemp("briefing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELIEFSCOPE_CACHE", str(folder / "cache"))
        command = ["exercise", "flood", "--size", "256", "--catalog", str(folder / "catalog")]
        assert main(command) == 0
    return folder / "catalog"


def test_page_shows_facts_and_mark(catalog):
    """The numbers of facts.json, the EXERCISE mark and the sheet are on the page."""
    view = Briefing(catalog)
    page = view._page(view.product)
    (told, download), (sheet,) = page.objects
    assert "EXERCISE" in told.object
    assert "km²" in told.object
    assert sheet.object.endswith("sheet.en.png")
    assert download.filename == f"{view.product}.pdf"


def test_empty_catalog_says_what_to_do(tmp_path):
    """No products is a state of its own, with a next step."""
    page = Briefing(tmp_path).__panel__()
    assert "reliefscope exercise flood" in page.object


def test_dashboard_is_served(catalog, root):
    """`panel serve dashboards/briefing.py` answers with the page."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "panel",
        "serve",
        "dashboards/briefing.py",
        "--port",
        str(port),
    ]
    env = {"PATH": "", "HOME": str(catalog), "RELIEFSCOPE_CATALOG": str(catalog)}
    with subprocess.Popen(  # noqa: S603 - our own page
        command, cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert "ReliefScope briefing" in _get(f"http://127.0.0.1:{port}/briefing")
        finally:
            server.terminate()


def _get(url):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
                return answer.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
