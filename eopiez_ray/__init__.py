"""Durable workflows on Ray, and the Eopiez phases that analyse collections of text.

>>> import eopiez_ray as ez
>>> with ez.local() as system:
...     system.start(plan).wait().result("tidy")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import EopiezError
from .model.policies import Resources, RetryPolicy
from .model.status import PhaseKind, StepStatus, WorkflowStatus
from .phases.builder import Plan, StepHandle
from .phases.context import TaskContext, current_task
from .phases.contract import Partitions, Phase, find_phase, phase, registered_phases
from .settings import Settings

if TYPE_CHECKING:
    from .engine.local import Local, Workflow

__version__ = "0.1.0"

__all__ = [
    "EopiezError",
    "Local",
    "Partitions",
    "Phase",
    "PhaseKind",
    "Plan",
    "Resources",
    "RetryPolicy",
    "Settings",
    "StepHandle",
    "StepStatus",
    "TaskContext",
    "Workflow",
    "WorkflowStatus",
    "current_task",
    "find_phase",
    "local",
    "phase",
    "registered_phases",
]


def local(**settings: Any) -> Local:
    """A system of your own on this machine: database, cluster and orchestrator, all in this process's care.

    Args:
        settings: fields of ``Settings``; they win over ``EOPIEZ_*`` variables.
    """
    from .engine.local import Local

    return Local(Settings(**settings))


def __getattr__(name: str) -> Any:
    """The engine's handles, imported when they are first named: plain imports stay light."""
    if name in {"Local", "Workflow"}:
        from .engine import local as engine

        return getattr(engine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
