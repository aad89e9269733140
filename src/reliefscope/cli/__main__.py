"""``python -m reliefscope.cli`` is the ``reliefscope`` command."""

import sys

from reliefscope.cli import main

sys.exit(main())
