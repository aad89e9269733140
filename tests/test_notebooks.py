"""Each notebook runs from top to bottom and is stored without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.util import run_sync

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
_PATIENCE_S = 1200


def test_there_are_notebooks():
    """The folder is not empty, so that the tests below assert something."""
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_stripped(path):
    """Outputs are made, not stored."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(
        not c.outputs and c.execution_count is None for c in notebook.cells if "outputs" in c
    )


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all, which takes seconds to import what they use; the first starts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        manager = NotebookClient(nbformat.v4.new_notebook()).create_kernel_manager()
        yield manager
        run_sync(manager.shutdown_kernel)(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(path, kernel, tmp_path):
    """No cell raises, though nothing is left of the notebook before; figures come out."""
    notebook = nbformat.read(path, as_version=4)
    alone = f"%reset -f\n%cd -q {tmp_path}"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(alone))
    client = NotebookClient(notebook, km=kernel, timeout=_PATIENCE_S)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()
    kinds = [
        kind for c in notebook.cells for o in c.get("outputs", []) for kind in o.get("data", {})
    ]
    assert "image/png" in kinds
