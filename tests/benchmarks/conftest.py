import logging
import runpy
import sys

import pytest


@pytest.fixture
def run_benchmark(root, monkeypatch, capsys):
    """Run a script of `benchmarks/` as a person does, in this process: its imports take longest."""
    folder = root / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(str(folder / name), run_name="__main__")
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        assert not code, said.err
        return said.out

    yield run
    logging.disable(logging.NOTSET)  # some scripts silence their peers
