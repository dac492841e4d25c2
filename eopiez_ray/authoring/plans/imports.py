"""Importing what registers a plan's phases: modules, and files next to its document."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from ...errors import PlanError
from ..contract import FILE_MODULE, Phase, restore

if TYPE_CHECKING:
    from types import ModuleType


def import_phases(name: str, folder: Path) -> None:
    """Import a module by its name, or run a file whose path ends in ``.py``, so that its phases are registered.

    A file is run each time. Its phases and functions travel to the workers by value; what it imports must be installed
    there.

    Args:
        folder: what the path of a file is relative to.

    Raises:
        PlanError: there is no such module or file, or its code raised an error.
    """
    module = _run(_file(name, folder)) if name.endswith(".py") else _imported(name, folder)
    for value in vars(module).values():
        if isinstance(value, Phase):  # Another module may since have registered one of the same name.
            restore(value)


def _file(name: str, folder: Path) -> Path:
    path = (folder / Path(name).expanduser()).resolve()
    if not path.is_file():
        raise PlanError(f"there is no file {path}; paths are relative to the folder of the plan")
    return path


def _imported(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(name, error) from error
        beside = f"{name.replace('.', '/')}.py"
        advice = (
            f"did you mean ./{beside}?" if (folder / beside).is_file() else "install it, or name a file: ./phases.py"
        )
        raise PlanError(f"there is no module {error.name!r}; {advice}") from error
    except (Exception, SystemExit) as error:  # The module's own code.
        raise _failed(name, error) from error


def _run(path: Path) -> ModuleType:
    """The module made from a file, under a name unique to it."""
    name = f"{FILE_MODULE}{path.stem}_{blake3(str(path).encode()).hexdigest(4)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # The file's own code.
        del sys.modules[name]
        raise _failed(str(path), error) from error
    return module


def _failed(name: str, error: BaseException) -> PlanError:
    lines = []
    traceback = error.__traceback__
    while traceback is not None:
        lines.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    line = next((f", line {line}" for file, line in reversed(lines) if file == name), "")
    return PlanError(f"importing {name} failed{line}: {type(error).__name__}: {error}")
