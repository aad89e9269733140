"""What goes on a sheet is checked before it is drawn."""

import dataclasses as dc
import datetime as dt

import numpy as np
import pytest

from reliefscope.errors import InputError
from reliefscope.products.sheet import load_policy
from tests.products.scene import RELEASED
from tests.products.sheet.conftest import make_content


def test_shipped_policy_is_neutral_and_complete():
    """The policy shipped names a producer and disclaims boundaries and names."""
    policy = load_policy()
    assert policy.producer
    assert "boundaries" in policy.disclaimer
    assert "do not imply official endorsement" in policy.disclaimer


def test_office_policy_replaces_it(tmp_path):
    """An office's own file is read instead."""
    path = tmp_path / "policy.toml"
    path.write_text('producer = "Office"\ndisclaimer = "None of this is official."\n')
    assert load_policy(path).producer == "Office"
    assert load_policy(path).contact == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('producer = "x"', "disclaimer"),
        ('producer = "x"\ndisclaimer = "y"\nlogo = "z"', "logo"),
        ('producer = 1\ndisclaimer = "y"', "producer"),
        ("producer = \n", "line 1"),
    ],
)
def test_faulty_policy_says_what_is_wrong(tmp_path, text, message):
    """A missing, unknown or malformed key is named."""
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_policy(path)


def test_release_needs_a_time_zone():
    """A release without time zone is refused: the sheet prints UTC."""
    with pytest.raises(InputError, match="time zone"):
        make_content(released=dt.datetime(2024, 1, 1))  # noqa: DTZ001
    assert make_content(released=RELEASED).released == RELEASED


def test_layers_must_fit_their_grid(content):
    """A state of another shape than its grid is refused."""
    cut = dc.replace(content.layers, state=np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match="2 x 2"):
        make_content(layers=cut)
