"""What a process has imported and compiled: its parent does so too, and later children start warm.

A process may be forked with modules and compiled code, but not with the threads that ran them.
"""

import base64
import contextlib
import importlib
import pickle
import sys

from numba.core.dispatcher import Dispatcher


def of_this_process():
    """Return the modules of this process, and its compiled functions, fit for JSON."""
    compiled = {
        f"{name}:{attribute}": base64.b64encode(pickle.dumps(value.signatures)).decode()
        for name, module in list(sys.modules.items())
        if name.startswith("reliefscope.numerics.")
        for attribute, value in vars(module).items()
        if isinstance(value, Dispatcher) and value.signatures
    }
    return {"modules": sorted(sys.modules), "compiled": compiled}


def up(warmth):
    """Import and compile what another process had; nothing is run."""
    for name in [name for name in warmth.get("modules", ()) if name not in sys.modules]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    for place, packed in warmth.get("compiled", {}).items():
        module, _, attribute = place.partition(":")
        function = getattr(sys.modules[module], attribute)
        for signature in pickle.loads(base64.b64decode(packed)):  # noqa: S301 - from our own child
            if signature not in function.signatures:
                function.compile(signature)
