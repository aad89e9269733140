"""Logs for machines, and metrics: what they say, and what they never do."""

import json
import logging
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reliefscope.cli import main
from reliefscope.cli.logs import JsonLines
from reliefscope.products.catalog import publish
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED, make_context, make_product


def line(message, *args, error=None):
    formatter = JsonLines("run-1", ["hunter2", ""])
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("reliefscope.x", logging.WARNING, "f", 1, message, args, info)
    return formatter.format(record)


def test_each_line_is_json_with_the_run():
    """Time, level, logger, run and message; a line break stays within its line."""
    text = line("two\nlines of %s", "text")
    assert "\n" not in text
    said = json.loads(text)
    assert (said["level"], said["logger"], said["run"]) == ("warning", "reliefscope.x", "run-1")
    assert said["message"] == "two\nlines of text"


@pytest.mark.parametrize(
    "secret",
    [
        "password hunter2 was wrong",
        "https://data.example/a.tif?sig=TOPSECRET&x=1",
        "ftp://user:TOPSECRET@data.example/a",
    ],
)
def test_no_secret_is_in_a_line(secret):
    """Known secrets, queries and users of addresses: neither in the message nor in the error."""
    for text in (line("%s", secret), line("failed", error=ValueError(secret))):
        assert "hunter2" not in text
        assert "TOPSECRET" not in text


@pytest.fixture
def _root_logger():
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)


@pytest.mark.usefixtures("_root_logger")
def test_the_flag_logs_json(tmp_path, capsys):
    """Every line on standard error that the log writes is JSON of one run."""
    main(["--log-json", "catalog", "rebuild", "--catalog", str(tmp_path)])
    logging.getLogger("reliefscope.test").info("here")
    lines = [json.loads(t) for t in capsys.readouterr().err.splitlines() if t.startswith("{")]
    assert [entry["message"] for entry in lines][-1] == "here"
    assert len({entry["run"] for entry in lines}) == 1
    assert sys.stderr is not None


def test_metrics_are_those_of_the_catalog(tmp_path, monkeypatch, capsys):
    """Parsed as Prometheus does: one product, its hazard, its release, the age of its image."""
    draw_bare(monkeypatch)
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "cache"))
    catalog = tmp_path / "catalog"
    publish(make_product(), catalog, context=make_context(), released=RELEASED)
    assert main(["metrics", "--catalog", str(catalog)]) == 0
    text = capsys.readouterr().out
    found = {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
    assert found["reliefscope_products", "false", "flood"] == 1
    assert found["reliefscope_last_release_timestamp_seconds", "flood"] == RELEASED.timestamp()
    age = found["reliefscope_image_age_at_release_seconds", "flood"]
    assert age == pytest.approx((31 * 60 + 18) * 60)
    assert found["reliefscope_quarantined_files",] == 0
    path = tmp_path / "out.prom"
    assert main(["metrics", "--catalog", str(catalog), "-o", str(path)]) == 0
    assert path.read_text() == text
