"""The product's pixels made ready for print: thinned, coloured, hatched.

One printed dot may stand for many pixels. It shows the event where at least one eighth of its
pixels are event, so that thin floods survive; otherwise the class that most of its pixels have,
"not observed" counting as a class of its own. Areas are never computed from printed dots.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from reliefscope.model.cube import State
from reliefscope.numerics import thinning

DOTS_PER_MM = 10
"""254 dpi."""
EVENT_SHARE = 8
"""A dot shows the event where one of this many of its pixels is event."""
PAPER_GREY, DARKEST_GREY, LIGHTEST_GREY = 250, 168, 250
"""Range of the grey image: light enough for each overlay colour to stand out, in grey too."""
OUTSIDE = 254
"""Code of printed dots outside the event's area, beside those of `State`."""
_CLASSES = (*State, OUTSIDE)
JPEG_QUALITY = 82


class Ink(NamedTuple):
    """Colour of a palette entry, with its opacity [0-255]."""

    red: int
    green: int
    blue: int
    alpha: int = 255


CLEAR, EVENT, EVENT_EDGE, REFERENCE, EXCLUDED, EXCLUDED_LINE, UNSEEN, UNSEEN_LINE, VEIL = range(9)
PALETTE: tuple[Ink, ...] = (
    Ink(255, 255, 255, 0),
    Ink(0, 132, 220),
    Ink(0, 92, 168),
    Ink(16, 36, 92),
    Ink(255, 240, 214, 120),
    Ink(168, 108, 28),
    Ink(255, 255, 255),
    Ink(150, 150, 154),
    Ink(255, 255, 255, 165),
)
"""Blue, navy and ochre differ for every kind of colour vision (after Okabe and Ito 2008) and in
lightness (CIE L* 54, 16, 44 for the lines); what was not seen is hatched grey on white."""
DRY_EVENT, DRY_EDGE = Ink(178, 24, 43), Ink(110, 10, 24)
"""Deep red for events that are no water: vermilion would be the ochre of hatches to some eyes."""


def palette_of(*, water: bool) -> tuple[Ink, ...]:
    """Return `PALETTE`, with deep red in place of blue where the event is no water."""
    if water:
        return PALETTE
    return (*PALETTE[:EVENT], DRY_EVENT, DRY_EDGE, *PALETTE[EVENT_EDGE + 1 :])


def printed_state(state: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the class of each printed dot.

    Parameters
    ----------
    state : array, (y, x)
        Codes of `reliefscope.model.cube.State`, and `OUTSIDE`.
    shape : tuple of int
        Rows and columns of dots.

    Returns
    -------
    array, shape
        The nearest pixel's code where dots are smaller than pixels; else by the rule above.
    """
    if state.shape[0] <= shape[0] or state.shape[1] <= shape[1]:
        centre_rows = ((np.arange(shape[0]) + 0.5) * state.shape[0] / shape[0]).astype(np.intp)
        centre_columns = ((np.arange(shape[1]) + 0.5) * state.shape[1] / shape[1]).astype(np.intp)
        nearest: NDArray[np.uint8] = state[centre_rows[:, None], centre_columns[None, :]]
        return nearest
    return thinning.most_frequent(state, shape, _CLASSES, favoured=State.EVENT, share=EVENT_SHARE)


def printed_classes(
    codes: NDArray[np.uint8],
    event: NDArray[np.bool_],
    members: Sequence[int],
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return the class of each printed dot: that of most of its event pixels; (y, x) of dots."""
    if codes.shape[0] <= shape[0] or codes.shape[1] <= shape[1]:
        return printed_state(codes, shape)
    other = next(code for code in range(len(members) + 1) if code not in members)
    return thinning.most_frequent(np.where(event, codes, np.uint8(other)), shape, members)


def printed_grey(image: NDArray[np.float32] | None, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the background in light grey tones; paper where it is NaN or there is none.

    Parameters
    ----------
    image : array, (y, x), optional
        Any unit; stretched between its 2nd and 98th percentile.
    shape : tuple of int
        Rows and columns of dots.

    Returns
    -------
    array, shape
        Grey values from `DARKEST_GREY` to `LIGHTEST_GREY`.
    """
    if image is None:
        return np.full(shape, PAPER_GREY, dtype=np.uint8)
    dots = min(shape[0], image.shape[0]), min(shape[1], image.shape[1])
    coarse = image if image.shape == dots else thinning.mean_of_known(image, dots)
    seen = np.isfinite(coarse)
    if not seen.any():
        return np.full(shape, PAPER_GREY, dtype=np.uint8)
    low, high = np.percentile(coarse[seen], (2, 98))
    share = np.clip((np.where(seen, coarse, high) - low) / max(high - low, 1e-9), 0, 1)
    if high <= low:
        share = np.ones_like(coarse)
    tones = (DARKEST_GREY + share * (LIGHTEST_GREY - DARKEST_GREY)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(tones).resize(shape[::-1], Image.Resampling.BICUBIC))
    mask = np.asarray(Image.fromarray(seen).resize(shape[::-1], Image.Resampling.NEAREST))
    return np.where(mask, np.clip(smooth, DARKEST_GREY, LIGHTEST_GREY), PAPER_GREY).astype(np.uint8)


def inked(
    state: NDArray[np.uint8],
    *,
    fine: bool = False,
    classes: NDArray[np.uint8] | None = None,
    members: Sequence[int] = (),
) -> NDArray[np.uint8]:
    """Return palette entries for printed dots: fills, outlines and hatches.

    Parameters
    ----------
    state : array, (y, x)
        Codes as from `printed_state`.
    fine : bool
        Closer hatches without outlines, for small pictures.
    classes : array, (y, x), optional
        Class of each dot of the event, which is then coloured by it.
    members : sequence of int
        The classes, in the order in which their colours follow `PALETTE`.

    Returns
    -------
    array, (y, x)
        Indices into `PALETTE`.
    """
    row, column = np.ogrid[: state.shape[0], : state.shape[1]]
    period, width, step = (6, 1, 8) if fine else (15, 2, 20)
    rising = (row + column) % period < width
    crossed = ((row + column) % step < width) | ((row - column) % step < width)
    out = np.full(state.shape, CLEAR, dtype=np.uint8)
    out[state == OUTSIDE] = VEIL
    event = state == State.EVENT
    out[event] = EVENT
    if classes is not None:
        for place, code in enumerate(members, start=len(PALETTE)):
            out[event & (classes == code)] = place
    elif not fine:
        out[event & ~ndimage.binary_erosion(event, border_value=1)] = EVENT_EDGE
    out[state == State.REFERENCE] = REFERENCE
    excluded = state == State.EXCLUDED
    out[excluded] = EXCLUDED
    out[excluded & rising] = EXCLUDED_LINE
    unseen = state == State.NOT_OBSERVED
    out[unseen] = UNSEEN
    out[unseen & crossed] = UNSEEN_LINE
    return out


def overlay_image(
    entries: NDArray[np.uint8],
    colours: Sequence[Ink] = (),
    palette: Sequence[Ink] = PALETTE,
) -> Image.Image:
    """Return palette entries as an indexed image with transparency."""
    image = Image.fromarray(entries)
    image.putpalette([v for ink in (*palette, *colours) for v in ink[:3]])
    image.info["transparency"] = bytes(ink.alpha for ink in (*palette, *colours))
    return image


def flattened(
    entries: NDArray[np.uint8],
    grey: NDArray[np.uint8],
    colours: Sequence[Ink] = (),
    palette: Sequence[Ink] = PALETTE,
) -> Image.Image:
    """Return the overlay painted on its grey background, of which 5 bits are kept."""
    ground = Image.fromarray(grey).point(_steps(5)).convert("RGBA")
    overlay = overlay_image(entries, colours, palette).convert("RGBA")
    return Image.alpha_composite(ground, overlay).convert("RGB")


def slimmed(image: Image.Image) -> Image.Image:
    """Return an RGB image with 6 bits a channel: it looks the same and packs a third smaller."""
    return image.convert("RGB").point(_steps(6) * 3)


def _steps(bits: int) -> list[int]:
    """Return a table that keeps ``bits`` bits of 8; black and white stay what they are."""
    most = 2**bits - 1
    return [round(round(v / 255 * most) * 255 / most) for v in range(256)]
