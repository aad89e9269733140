"""Reference pages are read off the code: nothing in them can go stale."""

import html
import json
import re
from dataclasses import replace

import pytest

from reliefscope.cli import main
from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS
from reliefscope.jobs import reference
from reliefscope.jobs.exercise import exercise_request
from reliefscope.jobs.reference import describe, find_indicator, page, write_pages
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Hazard
from reliefscope.sources.simulated.illustration import IllustrationSource


@pytest.mark.parametrize("name", INDICATORS)
class TestEach:
    """What every indicator must say of itself."""

    def test_it_describes_itself_whole(self, name):
        """As JSON: every parameter with unit, range, default and meaning; every layer by name."""
        told = json.loads(json.dumps(describe(INDICATORS[name])))
        for parameter in told["parameters"].values():
            assert parameter["low"] <= parameter["default"] <= parameter["high"]
            assert parameter["unit"]
            assert len(parameter["meaning"]) > 10, told["parameters"]
        assert set(told["gives"]) <= set(VARIABLES)
        assert told["reference"]

    def test_its_page_has_every_number(self, name):
        """Defaults, ranges, layers, needs and the reference are on it; all of it is escaped."""
        indicator = INDICATORS[name]
        text = page(indicator)
        for parameter, (default, bounds) in indicator.parameters.items():
            assert f"<td>{parameter}</td><td>{default:g}</td>" in text
            assert f"{bounds.low:g} to {bounds.high:g}" in text
        for layer in indicator.gives:
            assert f"<td>{layer}</td>" in text
        assert html.escape(indicator.reference) in text
        assert not re.search(r'src="(?!data:)', text)


@pytest.mark.parametrize("name", INDICATORS)
def test_something_has_the_data_to_show_each(name, tmp_path):
    """The exercise of its hazard offers all that it must have, or the drawn landscape does."""
    indicator = INDICATORS[name]
    hazard = reference._SHOWN_BY.get(indicator.hazard, indicator.hazard)
    request, _ = exercise_request(hazard, size=192, seed=3, cache=tmp_path)
    offered = [
        frozenset().union(*(s.provides for s in request.sources.values())),
        IllustrationSource(event=request.event).provides,
    ]
    needed = [set(n.any_of) for n in indicator.needs.values() if not n.optional]
    assert any(all(need & there for need in needed) for there in offered)


def test_pages_show_the_exercise_and_a_real_event(tmp_path, monkeypatch):
    """One picture from the exercise, one from the event given; the list leads to each page."""
    monkeypatch.setattr(reference, "INDICATORS", {"flood_sar": INDICATORS["flood_sar"]})
    monkeypatch.setattr(reference, "_SIZE", 192)
    request, _ = exercise_request(Hazard.FLOOD, size=192, seed=reference._SEED, cache=tmp_path)
    event = replace(request.event, title="Flood of <1874>")
    index = write_pages(
        tmp_path / "pages",
        cache=tmp_path,
        examples={"flood_sar": replace(request, event=event)},
    )
    text = (tmp_path / "pages" / "flood_sar.html").read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 2
    assert "Flood of &lt;1874&gt;" in text
    assert 'href="flood_sar.html"' in index.read_text(encoding="utf-8")


def test_unknown_indicators_are_refused(tmp_path):
    """By name, and as the subject of an example, before anything is written."""
    with pytest.raises(InputError, match="no indicator 'rainbow'; there are"):
        find_indicator("rainbow")
    with pytest.raises(InputError, match="rainbow"):
        write_pages(tmp_path / "pages", cache=tmp_path, examples={"rainbow": None})
    assert not (tmp_path / "pages").exists()


def test_the_command_lists_and_tells(capsys):
    """A table of all, the whole of one, JSON, and a sentence for what there is not."""
    assert main(["indicators"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in INDICATORS)
    assert main(["indicators", "flood_sar"]) == 0
    assert "water_seasonality" in capsys.readouterr().out
    assert main(["indicators", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == list(INDICATORS)
    assert main(["indicators", "rainbow"]) == 2
    assert main(["indicators", "--pages", "x", "--example", "rainbow"]) == 2
    assert "give INDICATOR=EVENT" in capsys.readouterr().err
