"""What the code promises of itself: which way it depends, what an import costs, and that errors travel whole."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

import eopiez_ray
from eopiez_ray import errors
from eopiez_ray.errors import EopiezError

ROOT = Path(__file__).parents[1]
HEAVY = {"argon2", "asyncpg", "fastapi", "httpx", "jwt", "numpy", "pyarrow", "ray", "scipy", "sklearn"}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EopiezError)]
FACTS: dict[str, tuple[object, ...]] = {
    "DataKeyMissingError": ("01a22a26", "artifact 5f"),
    "ErasureWaitsError": (3,),
    "UnreadableInputError": ("letters.csv", "permission denied", "change its mode"),
    "UnknownColumnError": ("letters.csv", "body", ["text", "date"], "--text-column"),
    "TooManyRejectsError": ("ingest.read", 30, 40, 0.5),
    "PlanDocumentError": ("plan.yaml", "unknown key 'retries'", ("steps", "a.b", "inputs", 0), 3, 5),
    "UnknownPhaseError": ("tokenise", ["tokenize"]),
    "CycleError": ("circle", ["a", "b", "a"]),
    "ServiceFailedError": ("shout", "status 503"),
    "ServiceRefusedError": ("shout", 422, "the value is no text"),
    "TaskFailedError": ("tidy", 3, 2, "ValueError", "no such thing"),
    "WorkflowNotFoundError": ("0199",),
    "IdempotencyConflictError": ("nightly", "0199"),
    "TransitionError": ("0199", "pause", "succeeded"),
    "UpdateRefusedError": ("0190", "tasks of it have started"),
    "CertificateError": ("EOPIEZ_TLS_KEY", "it is unset"),
    "PortTakenError": ("127.0.0.1", 8000, "Address already in use", "give --port"),
    "PartFailedError": ("ray", "port in use", "/tmp/ray.log"),
    "DamagedArchiveError": ("letters.eopz", [2, 5]),
    "TooManyRequestsError": ("too many attempts", 2.5),
    "BackupNotFoundError": ("20261130T020000Z", "/mnt/backups"),
    "DamagedBackupError": ("object 01", "it is missing"),
    "DamagedBundleError": ("tables/tasks/000000.jsonl", "it is no JSON"),
    "ArrivalRefusedError": (["0199"], True),
}
"""Arguments of those that take more than a sentence."""


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def loaded_by(module: str) -> set[str]:
    """The top-level modules in memory after an import."""
    names = json.loads(python(f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"))
    return {name.partition(".")[0] for name in names}


def test_code_depends_one_way() -> None:
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    found = subprocess.run([*lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def circles(graph: grimp.ImportGraph) -> list[tuple[str, ...]]:
    """For each import that leads back to where it stands, the shortest way there, from a module to itself."""
    imports = [
        (module, imported)
        for module in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(module))
    ]
    back = [(module, graph.find_shortest_chain(imported, module)) for module, imported in imports]
    return [(module, *chain) for module, chain in back if chain is not None]


def test_no_module_needs_one_that_needs_it() -> None:
    """Imports inside functions and those for type checkers alone count as well."""
    assert circles(grimp.build_graph("eopiez_ray", cache_dir=None)) == []


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"a": "from .b import x", "b": "def late():\n    from .a import y"}, ("made.a", "made.b", "made.a")),
        (
            {"a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .b import x", "b": "from . import a"},
            ("made.a", "made.b", "made.a"),
        ),
        ({"__init__": "from .a import x", "a": "import made"}, ("made", "made.a", "made")),
    ],
)
def test_a_circle_is_found_however_it_is_made(
    files: dict[str, str], circle: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "made"
    package.mkdir()
    for name, text in {"__init__": "", **files}.items():
        (package / f"{name}.py").write_text(f"{text}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert circle in circles(grimp.build_graph("made", cache_dir=None))


def test_import_of_the_package_costs_nothing() -> None:
    assert not loaded_by("eopiez_ray") & (HEAVY | {"cloudpickle", "pydantic"})


def test_command_line_starts_without_heavy_packages() -> None:
    assert not loaded_by("eopiez_ray.cli") & (HEAVY | {"pydantic"})


def test_whoever_deploys_the_gateway_does_not_load_it() -> None:
    loaded = json.loads(python("import json, sys, eopiez_ray.gateway.deploying; print(json.dumps(list(sys.modules)))"))
    assert "eopiez_ray.gateway.serve" in loaded
    assert "eopiez_ray.gateway.app" not in loaded


def test_building_a_plan_needs_neither_ray_nor_a_database() -> None:
    assert not loaded_by("eopiez_ray.authoring.plans.builder") & HEAVY


def test_public_names_are_there() -> None:
    assert set(eopiez_ray.__all__) <= set(dir(eopiez_ray))
    assert all(getattr(eopiez_ray, name) is not None for name in eopiez_ray.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'locla'"):
        _ = eopiez_ray.locla


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_errors_survive_pickling(kind: type[EopiezError]) -> None:
    error = kind(*FACTS.get(kind.__name__, ("what happened, and what to do",)))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))
    assert copy.exit_code == error.exit_code


def test_facts_of_an_error_are_its_attributes() -> None:
    error = errors.UnknownColumnError("letters.csv", "body", ["text", "date"])
    assert (error.source, error.column, error.available) == ("letters.csv", "body", ["text", "date"])


def test_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"^ +(?:[│ ]*[├└]── )?(\w+Error)\b", inspect.getdoc(errors) or "", re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in KINDS)
