"""What the project says of itself in several places agrees."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

# conda-forge names that differ from those of pyproject.toml
CONDA_NAMES = {"brotli": "brotli-python", "dask": "dask-core", "matplotlib": "matplotlib-base"}
HEAVY = {"dask", "geopandas", "matplotlib", "numba", "numpy", "odc", "panel", "rasterio", "xarray"}


@pytest.fixture(scope="module")
def project(root):
    """The [project] table."""
    with (root / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def _names_and_bounds(lines):
    pattern = r"([A-Za-z0-9_.-]+?)(?:\[[^\]]*\])?\s*((?:[<>=!~]=?.*)?)"
    pairs = (re.fullmatch(pattern, line).groups() for line in lines)
    return dict(pairs)


def test_conda_environment_is_in_step(root, project):
    """environment.yml holds every dependency with the same bounds, and nothing unknown."""
    wanted = _names_and_bounds(
        project["dependencies"] + project["optional-dependencies"]["notebook"]
    )
    wanted = {CONDA_NAMES.get(name, name): bound for name, bound in wanted.items()}
    text = (root / "environment.yml").read_text(encoding="utf-8")
    listing = text.split("dependencies:")[1]
    listed = _names_and_bounds(re.findall(r"(?m)^ +- ([^\s:]+)$", listing))
    assert listed.pop("python") == project["requires-python"]
    assert listed.pop("pip") == ""
    assert listed == wanted


def test_constraints_pin_every_dependency(root, project):
    """constraints.txt gives an exact version for each, and names no index."""
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    pinned = {m.lower().replace("_", "-") for m in re.findall(r"(?m)^([A-Za-z0-9_.-]+)==", text)}
    everything = project["dependencies"] + project["optional-dependencies"]["test"]
    wanted = {n.lower().replace("_", "-") for n in _names_and_bounds(everything)}
    assert wanted <= pinned
    assert "://" not in text


def test_everything_imported_is_a_dependency(root, project):
    """No module of ours leans on a library that only happens to be installed."""
    homes = metadata.packages_distributions()
    extras = project["optional-dependencies"]
    for_users = project["dependencies"] + extras["cluster"] + extras["gateway"]
    stated = {n.lower().replace("_", "-") for n in _names_and_bounds(for_users)}
    missing = set()
    for path in (root / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            tops = {n.split(".")[0] for n in names} - set(sys.stdlib_module_names)
            for top in tops - {"reliefscope"}:
                owners = {d.lower().replace("_", "-") for d in homes.get(top, [top])}
                if not owners & stated:
                    missing.add(f"{path.name}: {top}")
    assert missing == set()


def test_fixed_packages_are_dependencies(project):
    """The five that the project is built on."""
    assert {"xarray", "rasterio", "geopandas", "panel", "sentinelsat"} <= set(
        _names_and_bounds(project["dependencies"])
    )


def test_public_names_are_sorted_and_exist(root):
    """Each name of the stub loads, and the list is in order."""
    import reliefscope  # noqa: PLC0415 - the subject

    stub = ast.parse((root / "src/reliefscope/__init__.pyi").read_text(encoding="utf-8"))
    listed = ast.literal_eval(stub.body[-1].value)
    assert sorted(reliefscope.__all__) == sorted(listed)
    assert all(getattr(reliefscope, name) is not None for name in listed)


def test_import_is_light():
    """Importing the package, and asking the command for help, load none of the heavy libraries."""
    for what in ("import reliefscope", "import reliefscope.cli as c; c._parser()"):
        code = f"{what}\nimport sys; print(*({HEAVY!r} & {{m.split('.')[0] for m in sys.modules}}))"
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "", what
