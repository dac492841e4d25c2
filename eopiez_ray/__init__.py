"""Durable workflows on Ray, and the Eopiez phases that analyse collections of text.

>>> import eopiez_ray as ez
>>> with ez.local() as system:
...     system.start(plan).wait().result("tidy")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .authoring import built_in as _built_in

if TYPE_CHECKING:
    import os

    from .authoring.context import TaskContext, current_task
    from .authoring.contract import Partitions, Phase, find_phase, phase, registered_phases
    from .authoring.plans.builder import Plan, StepHandle
    from .authoring.plans.reading import read_plan
    from .authoring.spans import span
    from .client.blocking import Remote, RemoteWorkflow
    from .client.remote import AsyncRemote
    from .client.workflow import AsyncRemoteWorkflow
    from .engine.handle import Workflow
    from .engine.local import Local
    from .errors import EopiezError
    from .model.changes import StepChange
    from .model.filters import AttemptFilter, Order, TaskFilter, WorkflowFilter
    from .model.policies import Placement, Resources, RetryPolicy, Spread
    from .model.requests import Selection
    from .model.status import PhaseKind, StepStatus, WorkflowStatus
    from .settings import Settings

__version__ = "0.1.0"

__all__ = [
    "AsyncRemote",
    "AsyncRemoteWorkflow",
    "AttemptFilter",
    "EopiezError",
    "Local",
    "Order",
    "Partitions",
    "Phase",
    "PhaseKind",
    "Placement",
    "Plan",
    "Remote",
    "RemoteWorkflow",
    "Resources",
    "RetryPolicy",
    "Selection",
    "Settings",
    "Spread",
    "StepChange",
    "StepHandle",
    "StepStatus",
    "TaskContext",
    "TaskFilter",
    "Workflow",
    "WorkflowFilter",
    "WorkflowStatus",
    "connect",
    "connect_async",
    "current_task",
    "find_phase",
    "local",
    "phase",
    "read_plan",
    "registered_phases",
    "span",
]

_ROOMS = {
    "authoring.plans.builder": ("Plan", "StepHandle"),
    "authoring.plans.reading": ("read_plan",),
    "client.blocking": ("Remote", "RemoteWorkflow"),
    "client.remote": ("AsyncRemote",),
    "client.workflow": ("AsyncRemoteWorkflow",),
    "engine.handle": ("Workflow",),
    "engine.local": ("Local",),
    "errors": ("EopiezError",),
    "model.changes": ("StepChange",),
    "model.filters": ("AttemptFilter", "Order", "TaskFilter", "WorkflowFilter"),
    "model.policies": ("Placement", "Resources", "RetryPolicy", "Spread"),
    "model.requests": ("Selection",),
    "model.status": ("PhaseKind", "StepStatus", "WorkflowStatus"),
    "authoring.context": ("TaskContext", "current_task"),
    "authoring.spans": ("span",),
    "authoring.contract": ("Partitions", "Phase", "find_phase", "phase", "registered_phases"),
    "settings": ("Settings",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

_built_in.bring(f"{__name__}.phases", f"{__name__}.phases.pipeline")
_built_in.bring(f"{__name__}.phases.services", f"{__name__}.phases.services.steps")


def local(**settings: Any) -> Local:
    """A system of your own on this machine: database, cluster and orchestrator, all managed by this process.

    Args:
        settings: fields of ``Settings``; they override ``EOPIEZ_*`` variables.
    """
    from .engine.local import Local
    from .settings import Settings

    return Local(Settings(**settings))


def connect(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    context: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
) -> Remote:
    """A system elsewhere, reached through its gateway; the same names as ``local()``.

    Args:
        url: of the gateway; by default ``EOPIEZ_URL``, else the current context of ``eopiez login``.
        token: an API key; by default ``EOPIEZ_TOKEN``, else what the context has.
        project: what new workflows belong to; by default the context's, or the only one you work for.
        context: the name of a context, in place of a URL.
        ca_file: authorities of your own in PEM, besides those that the machine trusts; by default ``EOPIEZ_CA_FILE``,
            else the context's.
    """
    from .client.connecting import connect

    return connect(url, token, project, context=context, ca_file=ca_file)


def connect_async(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    context: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
) -> AsyncRemote:
    """As ``connect``, for asynchronous programs: each call is awaited."""
    from .client.connecting import connect_async

    return connect_async(url, token, project, context=context, ca_file=ca_file)


def __getattr__(name: str) -> Any:
    """A public name, imported on first use, so that ``import eopiez_ray`` itself is cheap."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
