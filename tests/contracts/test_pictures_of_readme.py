"""Screenshots that README.md shows: kept small, and none of them missing or forgotten."""

import re

import pytest
from PIL import Image

_ALL_BYTES = 300_000
_NARROWEST = 1200


@pytest.fixture
def kept(root):
    return {p.name: p for p in (root / "docs" / "pictures").glob("*")}


def test_pictures_are_small_and_wide_enough(kept):
    """Briefing, explorer and climate are there, as WebP, together under 300 KB."""
    assert set(kept) == {"briefing.webp", "explorer.webp", "climate.webp"}
    assert sum(p.stat().st_size for p in kept.values()) < _ALL_BYTES
    for path in kept.values():
        with Image.open(path) as shown:
            assert shown.format == "WEBP"
            assert shown.width >= _NARROWEST
            shades = shown.convert("L").histogram()
            assert sum(count > 0 for count in shades) > 16, "it is blank"


def test_readme_shows_pictures_that_are_there(root, kept):
    """No picture that README.md names is missing; where it shows any, it shows all."""
    text = (root / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"docs/pictures/([\w.-]+)", text))
    assert named in (set(), set(kept))
