"""Codes of a seasonal model that states nothing: apart, so that they load without a compiler."""

from enum import IntFlag


class Denial(IntFlag):
    """Why the posterior states nothing."""

    ANGLE = 1
    """The incidence angle lies outside of what the water model was fitted for."""
    CONFLICT = 2
    """Land is usually as dark as water here."""
    OUTLIER = 4
    """The observation fits neither land nor water."""
    UNDECIDED = 8
    """Land and water explain the observation nearly as well."""
    SHORT = 16
    """Too few observations for a model of the season."""
