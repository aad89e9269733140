"""Makers of small files as the services of rain and weather deliver them, with known answers."""

import datetime as dt
import gzip
import tempfile
from pathlib import Path

import h5netcdf
import numpy as np
import rasterio
import xarray as xr
from rasterio.transform import from_origin

TURN = 360.0


def smooth(lon, lat):
    """A field without a seam: the same at 180 W and 180 E, gentle enough to be interpolated."""
    lon, lat = np.radians(lon), np.radians(lat)
    return 100 + 40 * np.sin(lon) * np.cos(lat) + 20 * np.cos(2 * lon) + 30 * np.sin(lat)


def centres(first, step, count):
    """Centres of cells."""
    return first + step * (np.arange(count) + 0.5)


def globe(cell=1.0, *, west=-180.0, limit=90.0):
    """Longitudes west to east and latitudes north to south of the cells around the globe."""
    lon = centres(west, cell, round(TURN / cell))
    lat = centres(limit, -cell, round(2 * limit / cell))
    return lon, lat


def tiff(values, *, west=-180.0, north=50.0, cell=1.0, nodata=None, crs="EPSG:4326"):
    """Bytes of a GeoTIFF, as CHIRPS is: float32, one band, usually without a nodata tag."""
    values = np.asarray(values, "float32")
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=values.shape[1],
            height=values.shape[0],
            count=1,
            dtype="float32",
            crs=crs,
            nodata=nodata,
            transform=from_origin(west, north, cell, cell),
        ) as raster:
            raster.write(values, 1)
        return memory.read()


def packed(content):
    """Bytes of a gzip file."""
    return gzip.compress(content, compresslevel=1)


def rain_tiff(value, **options):
    """A world of one amount of rain, with sea (-9999) west of Greenwich."""
    lon, lat = globe(5.0, limit=50.0)
    values = np.full((len(lat), len(lon)), value, "float32")
    values[:, lon < 0] = -9999.0
    return tiff(values, cell=5.0, **options)


def weather(
    moments,
    fields,
    *,
    lon,
    lat,
    time="valid_time",
    units=None,
    extra=None,
):
    """A data set as the Climate Data Store makes them since 2024.

    ``fields`` maps names to arrays (moment, latitude, longitude).
    """
    stamps = np.array([np.datetime64(m.replace(tzinfo=None), "ns") for m in moments])
    known = {
        "t2m": "K",
        "d2m": "K",
        "u10": "m s**-1",
        "v10": "m s**-1",
        "swvl1": "m**3 m**-3",
        "tp": "m",
        "pev": "m",
        "ssrd": "J m**-2",
    }
    return xr.Dataset(
        {
            name: (
                (time, "latitude", "longitude"),
                np.asarray(values, "float32"),
                {"units": (units or known)[name]},
            )
            for name, values in fields.items()
        },
        coords={
            time: stamps,
            "latitude": np.asarray(lat, "float64"),
            "longitude": np.asarray(lon, "float64"),
            **(extra or {}),
        },
    )


def netcdf(cube, engine="h5netcdf", **options):
    """Bytes of a netCDF file."""
    if engine == "scipy":
        return bytes(cube.to_netcdf(engine="scipy", **options))
    with tempfile.TemporaryDirectory() as folder:  # not every release writes into memory
        path = Path(folder) / "cube.nc"
        cube.to_netcdf(path, engine=engine, **options)
        return path.read_bytes()


def imerg(
    path: Path,
    rate,
    *,
    name="precipitation",
    units="mm/hr",
    group="Grid",
    cell=1.0,
    fill=-9999.9,
):
    """Write a file as GES DISC delivers: (time, lon, lat), rows from the south, in a group.

    ``rate`` is called with longitudes (lon, 1) and latitudes (1, lat); NaN is written as fill.
    """
    lon, lat = globe(cell)
    lat = lat[::-1]
    values = np.broadcast_to(rate(lon[:, None], lat[None]), (len(lon), len(lat)))
    values = np.where(np.isnan(values), -9999.9, values).astype("float32")
    with h5netcdf.File(path, "w") as file:
        place = file.create_group(group) if group else file
        place.dimensions = {"time": 1, "lon": len(lon), "lat": len(lat)}
        stamp = place.create_variable("time", ("time",), "int32", data=np.array([0], "int32"))
        stamp.attrs["units"] = "seconds since 1980-01-06 00:00:00 UTC"
        stamp.attrs["calendar"] = "julian"
        place.create_variable("lon", ("lon",), "float32", data=lon.astype("float32"))
        place.create_variable("lat", ("lat",), "float32", data=lat.astype("float32"))
        rain = place.create_variable(
            name,
            ("time", "lon", "lat"),
            "float32",
            data=values[None],
            fillvalue=None if fill is None else np.float32(fill),
            compression="gzip",
        )
        rain.attrs["units"] = units
    return path


def utc(year, month=1, day=1, *parts):
    """A moment, UTC."""
    return dt.datetime(year, month, day, *parts, tzinfo=dt.UTC)
