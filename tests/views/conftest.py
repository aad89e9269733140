"""Fixtures of the views' tests."""

import pytest

from tests.exercises import publish_exercises


@pytest.fixture(scope="package")
def exercise_catalog(tmp_path_factory):
    """A catalog with one small flood."""
    return publish_exercises(tmp_path_factory, "flood")
