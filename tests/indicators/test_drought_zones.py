import json

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.features import rasterize

from reliefscope.numerics.zonal import zone_sums


@pytest.mark.realdata
def test_rain_deficits_of_districts_are_the_official_ones(shared_data):
    """East Africa, March to May 2022: mean of 18 districts to 0.0001 mm, least and most exactly."""
    folder = shared_data / "drought" / "chirps_east_africa_zonal" / "tests" / "fixtures"
    want = pd.read_csv(folder / "subnational_anomaly_statistics.csv").set_index("ADM1_PCODE")
    shapes = json.loads((folder / "polbnda_adm1_1m_ocha.geojson").read_text(encoding="utf-8"))
    outlines = {f["properties"]["ADM1_PCODE"]: f["geometry"] for f in shapes["features"]}
    codes = list(want.index)
    assert len(codes) == 18
    with rasterio.open(folder / "ea_chirps_seasaccum_anom_marmay_202230_lta.tif") as raster:
        deficit, transform = raster.read(1, masked=True).filled(np.nan), raster.transform
    seen = np.isfinite(deficit)
    for code in codes:
        zones = rasterize(
            [(outlines[code], 0)], deficit.shape, -1, transform=transform, dtype="int32"
        )
        unseen = np.where(seen, 0, 9).astype("uint8")
        total = zone_sums(zones, unseen, np.where(seen, deficit, 0).astype("float32"), 1, 1)
        count = zone_sums(zones, unseen, np.ones(deficit.shape, "float32"), 1, 1)
        here = deficit[(zones == 0) & seen]
        row = want.loc[code]
        assert total[0, 0] / count[0, 0] == pytest.approx(row["CHIRPS_mean"], abs=1e-4)
        assert here.min() == pytest.approx(row["CHIRPS_min"], abs=1e-4)
        assert here.max() == pytest.approx(row["CHIRPS_max"], abs=1e-4)
