"""Figures for notebooks: radar images, states, likelihoods, histograms, the sheet."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reliefscope.model.cube import NO_LIKELIHOOD, State
from reliefscope.products.pictures import layer_figure
from reliefscope.products.rasters import COLOURS

STATE_COLOURS: Mapping[State, str] = {
    State(code): f"#{r:02x}{g:02x}{b:02x}" for code, (r, g, b, _) in COLOURS.items()
}
_GREY_LIMITS_DB = (-25.0, 0.0)
_NO_LIKELIHOOD = "white"


def backscatter(images: Mapping[str, xr.DataArray]) -> Figure:
    """Draw radar images [dB], (y, x), side by side."""
    figure, axes = plt.subplots(
        1, len(images), figsize=(6 * len(images), 5.4), layout="constrained", squeeze=False
    )
    low, high = _GREY_LIMITS_DB
    for axis, (title, decibels) in zip(axes.flat, images.items(), strict=True):
        picture = axis.imshow(decibels, cmap="gray", vmin=low, vmax=high, interpolation="none")
        axis.set_title(title)
        axis.set_axis_off()
    figure.colorbar(picture, ax=axes, label="backscatter [dB]", shrink=0.8)
    return figure


def state_and_likelihood(data: xr.Dataset) -> Figure:
    """Draw ``state`` and ``likelihood``, (y, x), of an indicator's result."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
    codes = list(STATE_COLOURS)
    edges = [-0.5, *(code + 0.5 for code in codes)]
    colours = ListedColormap(list(STATE_COLOURS.values()))
    left.imshow(
        data["state"], cmap=colours, norm=BoundaryNorm(edges, colours.N), interpolation="none"
    )
    names = {code: code.name.lower().replace("_", " ") for code in codes}
    left.legend(
        handles=[
            Patch(facecolor=STATE_COLOURS[c], edgecolor="black", label=names[c]) for c in codes
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        ncols=len(codes),
        frameon=False,
        fontsize="small",
    )
    left.set_title("state")
    known = data["likelihood"].where(data["likelihood"] != NO_LIKELIHOOD)
    right.set_facecolor(_NO_LIKELIHOOD)
    picture = right.imshow(known, cmap="cividis", vmin=0, vmax=100, interpolation="none")
    right.set_title("likelihood of water (white: none stated)")
    figure.colorbar(picture, ax=right, label="percent", shrink=0.8)
    for axis in (left, right):
        axis.set(xticks=[], yticks=[])
    return figure


def histogram(decibels: xr.DataArray, threshold: float) -> Figure:
    """Draw the histogram of an image [dB] with the threshold [dB] that divides it."""
    figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
    values = decibels.to_numpy()
    axis.hist(values[np.isfinite(values)], bins=200, color="#7a8ca0")
    if np.isfinite(threshold):
        axis.axvline(threshold, color="#c00040", label=f"threshold {threshold:.1f} dB")
        axis.legend(frameon=False)
    axis.set(xlabel="backscatter [dB]", ylabel="pixels")
    return figure


def layers(data: xr.Dataset, *names: str, columns: int = 2) -> Figure:
    """Draw layers of a result by name, (y, x), each with its scale or its legend."""
    return layer_figure(
        [data[name].compute() for name in names],
        columns=columns,
        figure=plt.figure(layout="constrained"),
    )


def sheet(png: Path) -> Figure:
    """Show a map sheet."""
    figure, axis = plt.subplots(figsize=(13, 9.2), layout="constrained")
    axis.imshow(plt.imread(png))
    axis.set_axis_off()
    return figure
