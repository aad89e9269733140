from .feeds.exercise import exercise_event
from .indicators import INDICATORS
from .indicators.flood_sar import flood_extent
from .jobs.event_file import Request, read_event_file
from .jobs.situation import carry_out
from .model.area import Area
from .model.context import Context
from .model.cube import VARIABLES, Advisory, Exclusion, State
from .model.event import Event, Hazard, Window
from .model.granule import Asset, Granule
from .model.grid import cell_area_m2, grid_for, projection_for, tiles
from .model.product import Product
from .pipeline.engine import compute
from .pipeline.plan import Plan, plan
from .pipeline.run import run, search
from .products.catalog import Package, find, open_package, publish
from .products.sheet import Policy, load_policy
from .products.validate import Agreement, validate
from .settings import Settings
from .sources import SOURCES
from .sources.files import FilesSource, RasterFile
from .sources.layers import ContextFiles, read_context
from .sources.places import area_from_file, area_from_name
from .sources.simulated import SimulatedSource
from .sources.stac import StacSource

__all__ = [
    "INDICATORS",
    "SOURCES",
    "VARIABLES",
    "Advisory",
    "Agreement",
    "Area",
    "Asset",
    "Context",
    "ContextFiles",
    "Event",
    "Exclusion",
    "FilesSource",
    "Granule",
    "Hazard",
    "Package",
    "Plan",
    "Policy",
    "Product",
    "RasterFile",
    "Request",
    "Settings",
    "SimulatedSource",
    "StacSource",
    "State",
    "Window",
    "area_from_file",
    "area_from_name",
    "carry_out",
    "cell_area_m2",
    "compute",
    "exercise_event",
    "find",
    "flood_extent",
    "grid_for",
    "load_policy",
    "open_package",
    "plan",
    "projection_for",
    "publish",
    "read_context",
    "read_event_file",
    "run",
    "search",
    "tiles",
    "validate",
]
