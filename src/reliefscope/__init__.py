"""Turn open satellite data into disaster and climate answers.

An Event is planned, its cubes are loaded, an indicator reads them, a Product comes out and is
published; the faces only show it. The public names are loaded when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
