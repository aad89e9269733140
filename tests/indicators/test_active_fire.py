"""Active fires become fires with a start, an outline, daily growth and power."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio.features
import shapely

from reliefscope.errors import CubeError, InputError
from reliefscope.indicators.active_fire import active_fire_events

START = pd.Timestamp("2030-07-01T02:00Z")


def detections(days, *, east=0.0, frp=10.0, confidence="n"):
    """Four detections a day, 400 m apart, each day's row a kilometre further north."""
    rows = [
        {
            "time": START + pd.Timedelta(days=day),
            "frp_mw": frp,
            "confidence": confidence,
            "geometry": shapely.Point(-8 + east + 0.0045 * k, 40 + 0.009 * day),
        }
        for day in range(days)
        for k in range(4)
    ]
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


def test_growth_adds_up_day_by_day():
    """Three days: power of each day, areas that grow, growth that adds up to the outline."""
    events = active_fire_events(detections(3))
    assert len(events) == 1
    fire = events.iloc[0]
    daily = pd.DataFrame(fire["daily"])
    assert list(daily["day"]) == ["2030-07-01", "2030-07-02", "2030-07-03"]
    assert list(daily["frp_sum_mw"]) == [40.0] * 3
    assert daily["area_km2"].is_monotonic_increasing
    assert daily["growth_km2"].sum() == pytest.approx(fire["area_km2"])
    assert fire["frp_sum_mw"] == 120.0
    assert fire["detections"] == 12
    assert fire["first"] == START
    assert fire["last"] == START + pd.Timedelta(days=2)


def test_the_outline_holds_every_detection():
    """And reaches half a pixel beyond: 12 pixels of 375 m are at least 1.6 km2."""
    points = detections(3)
    fire = active_fire_events(points).iloc[0]
    assert points.geometry.within(fire.geometry).all()
    assert 1.6 < fire["area_km2"] < 8


def test_fires_in_any_crs_and_order_are_the_same():
    """Shuffled, and in metres."""
    points = pd.concat([detections(3), detections(2, east=1.0)])
    one = active_fire_events(gpd.GeoDataFrame(points, crs="EPSG:4326"))
    mixed = gpd.GeoDataFrame(points, crs="EPSG:4326").sample(frac=1, random_state=1)
    other = active_fire_events(mixed.to_crs("EPSG:32629"))
    assert len(one) == 2
    np.testing.assert_allclose(one["area_km2"], other["area_km2"], rtol=1e-6)


@pytest.mark.parametrize(
    ("confidence", "share"), [("h", 1.0), ("high", 1.0), (95, 1.0), ("l", 0.0), (50, 0.0)]
)
def test_confidence_in_words_and_in_percent(confidence, share):
    """VIIRS says low, nominal, high; MODIS 0 to 100."""
    events = active_fire_events(detections(1, confidence=confidence))
    assert events.iloc[0]["high_confidence"] == share


def test_what_belongs_to_no_fire_is_counted():
    """Two lone detections, and a flare that burns on fifty days."""
    lone = detections(1, east=2.0).iloc[:2]
    flare = pd.concat(
        [
            detections(1, east=5.0).iloc[:1].assign(time=START + pd.Timedelta(days=d))
            for d in range(50)
        ]
    )
    points = gpd.GeoDataFrame(pd.concat([detections(2), lone, flare]), crs="EPSG:4326")
    events = active_fire_events(points)
    assert len(events) == 1
    assert events.attrs == {"unassigned": 2, "static": 50}


def test_nothing_burns():
    """No detection gives a table without rows, with its columns."""
    events = active_fire_events(detections(1).iloc[:0])
    assert len(events) == 0
    assert {"fire", "daily", "geometry"} <= set(events.columns)


def test_what_is_no_table_of_fires_is_refused():
    """A missing column, no CRS, polygons."""
    with pytest.raises(CubeError, match="frp_mw"):
        active_fire_events(detections(1).drop(columns="frp_mw"))
    with pytest.raises(InputError, match="no CRS"):
        active_fire_events(detections(1).set_crs(None, allow_override=True))
    areas = detections(1).to_crs("EPSG:32629")
    with pytest.raises(InputError, match="points"):
        active_fire_events(areas.set_geometry(areas.buffer(10)))


@pytest.mark.realdata
def test_pedrogao_2017(shared_data):
    """MODIS hotspots of June 2017 in Portugal: the largest fire is that of Pedrogao Grande, which
    began on 17 June, and nearly all its detections lie within a kilometre of the burned area."""
    table = pd.read_csv(shared_data / "fire" / "Portugal_firms_June_2017.csv")
    time = pd.to_datetime(
        table["acq_date"] + table["acq_time"].astype(str).str.zfill(4), format="%Y-%m-%d%H%M"
    )
    points = gpd.GeoDataFrame(
        {"time": time, "frp_mw": table["frp"], "confidence": table["confidence"]},
        geometry=gpd.points_from_xy(table["longitude"], table["latitude"]),
        crs="EPSG:4326",
    )
    events = active_fire_events(points, reach=3.0, pixel=1.0)
    largest = events.loc[events["detections"].idxmax()]
    assert largest["first"].date().isoformat() in {"2017-06-17", "2017-06-18"}
    with rasterio.open(shared_data / "fire/pedrogao2017_firehr/ba100m_PT2017_1.tif") as raster:
        box = shapely.box(*raster.bounds)
        burned = raster.read(1) > 0
        shapes = [
            shapely.geometry.shape(s)
            for s, v in rasterio.features.shapes(burned.astype("uint8"), transform=raster.transform)
            if v == 1
        ]
    assert largest.geometry.intersects(box)
    scar = gpd.GeoSeries([shapely.union_all(shapes)], crs="EPSG:4326").to_crs("EPSG:32629")
    inside = points[points.within(box)].to_crs("EPSG:32629")
    near = inside.distance(scar.iloc[0]) <= 1000
    assert near.mean() > 0.97
    assert scar.area.iloc[0] / 1e4 == pytest.approx(50_445, rel=0.005)
