"""From a plan document to a plan, by the same calls that a program would make."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import ValidationError

from ...errors import CycleError, ParameterError, PlanDocumentError, PlanError, UnknownPhaseError
from ...model.policies import StepPolicy
from ..built_in import import_built_in
from ..contract import find_phase
from .builder import Plan
from .imports import import_phases
from .models import DOCUMENT, PhaseStep, PlanDocument, ValuesStep
from .notation import MAX_BYTES, Written, check, read_bytes, read_file, read_text
from .policies import blamed, nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from ..contract import Phase
    from .notation import Route

MAX_PROBLEMS = 20
"""How many of a document's problems are located in its text, to report the first."""


def read_plan(source: str | Path | Mapping[str, Any]) -> Plan:
    """The plan that a YAML or JSON document describes; ``eopiez plan schema`` prints the JSON Schema.

    The modules and files that the document imports are executed, so read only documents that you would run.

    Args:
        source: path of the document; or its text, which has several lines or begins with a brace; or JSON values.

    Raises:
        PlanDocumentError: it cannot be read, or something in it is wrong; the message gives the place.
    """
    return _plan(_written(source))


def read_stream(stream: BinaryIO, name: str) -> Plan:
    """As ``read_plan``, from a stream; paths in it are relative to the working folder.

    Args:
        name: its name in errors.
    """
    return _plan(read_bytes(stream.read(MAX_BYTES + 1), name, Path.cwd()))


def read_registered(value: Mapping[str, Any]) -> Plan:
    """As ``read_plan``, for a document from a stranger: it can only name registered phases.

    Raises:
        PlanDocumentError: it imports something, or something in it is wrong.
    """
    written = _written(value)
    document = _validated(written)
    if document.imports:
        problem = "code cannot be imported here; name registered phases, or send the plan with its code from Python"
        raise written.wrong(("import",), problem)
    return _built(written, document)


def import_for(source: str | Path) -> None:
    """Import what a document imports, and nothing more. Errors as in ``read_plan``."""
    written = _written(source)
    _import(written, _validated(written))


def _plan(written: Written) -> Plan:
    document = _validated(written)
    _import(written, document)
    return _built(written, document)


def _built(written: Written, document: PlanDocument) -> Plan:
    plan = Plan(document.plan, labels=document.labels, priority=document.priority)
    for name, step in document.steps.items():
        if isinstance(step, PhaseStep):
            _add_phase(plan, written, name, step, document.steps)
        elif isinstance(step, ValuesStep):
            plan.values(name, step.values)
        if step.policy:
            _tune(plan, written, name, step.policy)
    try:
        plan.spec()
    except CycleError as error:
        name = next(name for name in error.cycle if name in document.steps)
        raise written.wrong(("steps", name, "inputs"), str(error)) from error
    except PlanError as error:
        raise written.wrong(("steps",), str(error)) from error
    return plan


def _import(written: Written, document: PlanDocument) -> None:
    for position, name in enumerate(document.imports):
        try:
            import_phases(name, written.folder)
        except PlanError as error:
            raise written.wrong(("import", position), str(error)) from error


def _written(source: str | Path | Mapping[str, Any]) -> Written:
    if isinstance(source, Mapping):
        written = Written("plan", Path.cwd(), dict(source))
        check(written)
        return written
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return read_text(source, "plan", Path.cwd())
    return read_file(Path(source).expanduser())


def _validated(written: Written) -> PlanDocument:
    if not isinstance(written.value, dict):
        raise written.wrong((), "it must be a mapping with `plan`, a name, and `steps`")
    try:
        return DOCUMENT.model_validate_json(json.dumps(written.value), strict=True)
    except ValidationError as error:
        problems = [_problem(written, details) for details in error.errors(include_url=False)[:MAX_PROBLEMS]]
        raise min(problems, key=lambda problem: (problem.line or 0, problem.column or 0)) from error


def _problem(written: Written, details: ErrorDetails) -> PlanDocumentError:
    facts = details.get("ctx", {})
    route = written.route((*details["loc"], facts["key"]) if facts.get("key") else details["loc"])
    if "problem" in facts:
        return written.wrong(route, facts["problem"])
    if details["type"] == "missing":
        return written.wrong(route, f"{str(details['loc'][-1])!r} is missing")
    message = details["msg"][:1].lower() + details["msg"][1:]
    return written.wrong(route, f"{reprlib.repr(details['input'])}: {message}")


def _add_phase(plan: Plan, written: Written, name: str, step: PhaseStep, names: Collection[str]) -> None:
    route: Route = ("steps", name)
    for position, source in enumerate(step.inputs):
        if source not in names:
            place = written.route((*route, "inputs", position))
            raise written.wrong(place, f"no step is named {source!r}{nearest(source, names)}")
    try:
        plan.step(name, _phase(step.phase), *step.inputs, **step.parameters)
    except UnknownPhaseError as error:
        raise written.wrong((*route, "phase"), str(error)) from error
    except ParameterError as error:
        place = written.route((*route, "parameters", *error.route))
        raise written.wrong(place, str(error).removeprefix(f"step {name!r}: ")) from error
    except PlanError as error:
        place = written.route((*route, "inputs"))
        raise written.wrong(place, str(error).removeprefix(f"step {name!r}: ")) from error


def _phase(name: str) -> Phase:
    """The phase; built-in ones are imported only if a plan names one that is not registered."""
    try:
        return find_phase(name)
    except UnknownPhaseError:
        import_built_in()
        return find_phase(name)


def _tune(plan: Plan, written: Written, name: str, policy: dict[str, Any]) -> None:
    try:
        plan.tune(name, **policy)
    except ValueError as error:
        key = blamed(StepPolicy, policy)
        raise written.wrong(("steps", name, *([key] if key else ())), str(error)) from error
