"""What somebody sees of a workflow who may see no payloads."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..model.access import Caller, Role

if TYPE_CHECKING:
    from ..model.views import WorkflowView

CONCEALED = "(your role does not show it)"
COUNT = "count"
"""How many values a plan gives: the only parameter that is no payload."""


def shown_to(caller: Caller, view: WorkflowView) -> WorkflowView:
    """The workflow; for an observer without what errors say and without parameters."""
    if caller.may(Role.VIEWER, view.project):
        return view
    error = None if view.error is None else _told(view.error)
    return replace(view, error=error, spec_json=_without_parameters(view.spec_json))


def _told(error: dict[str, Any]) -> dict[str, Any]:
    """An error without its texts; its type and place stay."""
    kept = {name: value for name, value in error.items() if name != "traceback"}
    return kept | ({"message": CONCEALED} if "message" in kept else {})


def _without_parameters(spec_json: str) -> str:
    spec = json.loads(spec_json)
    steps = spec.get("steps") if isinstance(spec, dict) else None
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and step.get("parameters"):
            given = step["parameters"]
            step["parameters"] = {COUNT: given[COUNT]} if isinstance(given, dict) and COUNT in given else {}
    return json.dumps(spec, ensure_ascii=False)
