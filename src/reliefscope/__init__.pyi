from .feeds import FEEDS
from .feeds.exercise import exercise_event
from .indicators import INDICATORS, Bounds, Indicator, Need
from .indicators._flood.summary import summarize_floods
from .indicators._trend import anomalies, trend_of, yearly
from .indicators.active_fire import active_fire_events
from .indicators.burn_severity import burn_severity
from .indicators.climate_extremes import climate_extremes
from .indicators.damage_sar import damage_sar
from .indicators.drought_balance import drought_balance
from .indicators.drought_combined import drought_combined
from .indicators.drought_events import current_drought
from .indicators.drought_rain import drought_rain, standardized_index
from .indicators.drought_soil import drought_soil
from .indicators.drought_vegetation import drought_vegetation
from .indicators.flood_change import flood_change
from .indicators.flood_coarse import flood_coarse
from .indicators.flood_depth import flood_depth
from .indicators.flood_ensemble import flood_ensemble
from .indicators.flood_fused import flood_fused
from .indicators.flood_harmonic import flood_harmonic
from .indicators.flood_omnibus import flood_omnibus
from .indicators.flood_optical import flood_optical
from .indicators.flood_ready import flood_ready
from .indicators.flood_sar import flood_extent
from .indicators.heat_stress import heat_stress
from .indicators.heat_wave import heat_wave
from .indicators.land_temperature import land_temperature
from .indicators.landslide import landslide
from .indicators.rain_extreme import rain_extreme
from .indicators.storm_footprint import storm_footprint
from .indicators.trend_rain import trend_rain
from .indicators.trend_snow import trend_snow
from .indicators.trend_temperature import trend_temperature
from .indicators.trend_vegetation import trend_vegetation
from .indicators.trend_water import trend_water
from .jobs.desk import Desk
from .jobs.event_file import Request, read_event_file
from .jobs.events import EventList, event_by_id, list_events
from .jobs.fetching import fetch_request
from .jobs.planning import Outlook, look_ahead
from .jobs.situation import carry_out
from .model.area import Area
from .model.context import Context
from .model.cube import VARIABLES, Advisory, Exclusion, State
from .model.event import Alert, Event, Hazard, Report, Window
from .model.granule import Asset, Granule
from .model.grid import cell_area_m2, grid_for, projection_for, tiles
from .model.product import Product
from .pipeline.engine import compute
from .pipeline.plan import Plan, plan
from .pipeline.run import run, search
from .products.catalog import Package, find, open_package, publish
from .products.lineage import explain
from .products.sheet import Policy, load_policy
from .products.validate import Agreement, validate
from .products.verify import verify
from .settings import Settings
from .sources import SOURCES
from .sources.cdse import CdseSource
from .sources.dhus import DhusSource
from .sources.files import FilesSource, RasterFile
from .sources.layers import ContextFiles, read_context
from .sources.places import area_from_file, area_from_name
from .sources.simulated import SimulatedSource
from .sources.stac import StacSource
from .sources.tables import TABLES
from .sources.tables.firms import active_fires, active_fires_from_file
from .sources.tracks import TrackSource
from .transport.client import Transport
from .views.explore import explore

__all__ = [
    "FEEDS",
    "INDICATORS",
    "SOURCES",
    "TABLES",
    "VARIABLES",
    "Advisory",
    "Agreement",
    "Alert",
    "Area",
    "Asset",
    "Bounds",
    "CdseSource",
    "Context",
    "ContextFiles",
    "Desk",
    "DhusSource",
    "Event",
    "EventList",
    "Exclusion",
    "FilesSource",
    "Granule",
    "Hazard",
    "Indicator",
    "Need",
    "Outlook",
    "Package",
    "Plan",
    "Policy",
    "Product",
    "RasterFile",
    "Report",
    "Request",
    "Settings",
    "SimulatedSource",
    "StacSource",
    "State",
    "TrackSource",
    "Transport",
    "Window",
    "active_fire_events",
    "active_fires",
    "active_fires_from_file",
    "anomalies",
    "area_from_file",
    "area_from_name",
    "burn_severity",
    "carry_out",
    "cell_area_m2",
    "climate_extremes",
    "compute",
    "current_drought",
    "damage_sar",
    "drought_balance",
    "drought_combined",
    "drought_rain",
    "drought_soil",
    "drought_vegetation",
    "event_by_id",
    "exercise_event",
    "explain",
    "explore",
    "fetch_request",
    "find",
    "flood_change",
    "flood_coarse",
    "flood_depth",
    "flood_ensemble",
    "flood_extent",
    "flood_fused",
    "flood_harmonic",
    "flood_omnibus",
    "flood_optical",
    "flood_ready",
    "grid_for",
    "heat_stress",
    "heat_wave",
    "land_temperature",
    "landslide",
    "list_events",
    "load_policy",
    "look_ahead",
    "open_package",
    "plan",
    "projection_for",
    "publish",
    "rain_extreme",
    "read_context",
    "read_event_file",
    "run",
    "search",
    "standardized_index",
    "storm_footprint",
    "summarize_floods",
    "tiles",
    "trend_of",
    "trend_rain",
    "trend_snow",
    "trend_temperature",
    "trend_vegetation",
    "trend_water",
    "validate",
    "verify",
    "yearly",
]
