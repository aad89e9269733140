"""How long and how deep the drought is that a standardised index ends in."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators._drought import means
from reliefscope.model.cube import describe
from reliefscope.numerics.spells import REACHED, current

_LAYERS = ("drought_months", "drought_magnitude", "drought_peak")


def current_drought(index: xr.DataArray, *, reached: float = REACHED) -> xr.Dataset:
    """Return duration, magnitude and peak of the drought at the last step of an index.

    A drought is a run below zero that reaches -1; it ends with a value above zero (McKee et al.
    1993). A missing value ends what is known of it: a run after a gap begins there at the earliest.

    Parameters
    ----------
    index : DataArray, (time, y, x)
        SPI, SPEI or an anomaly of months or ten days, from
        `reliefscope.indicators.drought_rain.standardized_index` or alike.
    reached : float
        How low a run must fall to be a drought.

    Returns
    -------
    Dataset, (y, x)
        ``drought_months`` and ``drought_magnitude`` [month], 0 without drought; ``drought_peak``
        [1], NaN without drought. All NaN where the last value is missing.

    Raises
    ------
    CubeError
        There is no time.
    """
    series = means(index)
    month = np.float32(series.steps_a_month)

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        found = current(block, reached=reached)
        return np.stack(
            [found.duration / month, found.magnitude / month, found.peak], axis=-1, dtype="float32"
        )

    whole = series.values.chunk(time=-1) if series.values.chunks else series.values
    stacked: xr.DataArray = xr.apply_ufunc(
        of_block,
        whole,
        input_core_dims=[["time"]],
        output_core_dims=[["layer"]],
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={"output_sizes": {"layer": len(_LAYERS)}},
    )
    return xr.Dataset(
        {n: describe(n, stacked.isel(layer=i, drop=True)) for i, n in enumerate(_LAYERS)}
    )
