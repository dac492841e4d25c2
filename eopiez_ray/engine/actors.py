"""Worker actors: how they are started, found, and ended."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.policies import Spread
from ..settings import ray_job, secrets, variable
from .joining import NAMESPACE
from .last_words import LastWords, read_last_words

if TYPE_CHECKING:
    from ..model.policies import Resources
    from ..model.work import Place
    from .figures import NodeFigures
    from .line import Line

ORPHAN_S = 60.0
"""Seconds without a call or a ping after which a worker exits."""


class Started(NamedTuple):
    """A worker that answers."""

    handle: Any
    place: Place


async def start_actor(line: Line, name: str, owner: str, resources: Resources, artifact_url: str) -> Started:
    """A new worker, once it answers; if cancelled, it is removed from Ray's queue.

    Raises:
        ConnectionError: the cluster was lost.
    """

    # Registering a named actor blocks on the head node: never on the event loop, and never abandoned halfway.
    creating = asyncio.create_task(line.ask(_create_actor, name, owner, resources, artifact_url))
    try:
        actor = await asyncio.shield(creating)
        return Started(actor, await asyncio.wrap_future(actor.beat.remote().future()))
    except asyncio.CancelledError:
        await line.ask(kill, await creating)
        raise


def _create_actor(name: str, owner: str, resources: Resources, artifact_url: str) -> Any:
    import ray

    from .actor import WorkerActor

    options = {
        "name": name,
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "max_restarts": 0,
        "num_cpus": resources.cpu,
        "num_gpus": resources.gpu,
        "memory": resources.memory_bytes or None,
        "resources": dict(resources.custom) or None,
        "runtime_env": _runtime_env(resources),
        **_scheduling(name, resources),
    }
    controlled = ray.remote(concurrency_groups={"control": 1})  # type: ignore[call-overload]
    return controlled(WorkerActor).options(**options).remote(artifact_url, name, owner, resources, ORPHAN_S)


def _runtime_env(resources: Resources) -> dict[str, Any]:
    """The step's runtime environment, with threads of numerical libraries limited to its CPUs."""
    wanted: dict[str, Any] = json.loads(str(resources.runtime_env)) if resources.runtime_env else {}
    threads = str(max(1, int(resources.cpu)))
    own = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, **_withheld()}
    return wanted | {"env_vars": {**own, **wanted.get("env_vars", {})}}


def _withheld() -> dict[str, str]:
    """Secrets that workers would inherit from their job's environment, and master keys from any, emptied: phases are
    anybody's code."""
    names = secrets() if ray_job() is not None else ["encryption_keys"]
    return {name: "" for name in map(variable, names) if name in os.environ}


def _scheduling(name: str, resources: Resources) -> dict[str, Any]:
    """Ray's options for the worker's placement."""
    placement = resources.placement
    if placement.gang > 1:
        return {"scheduling_strategy": _reserve(name, resources)}
    first, *others = placement.choices
    return {
        "scheduling_strategy": "SPREAD" if placement.layout is Spread.SPREAD else "DEFAULT",
        "label_selector": dict(first) or None,
        "fallback_strategy": [{"label_selector": dict(labels)} for labels in others] or None,
    }


def _reserve(name: str, resources: Resources) -> Any:
    """Reserve all bundles of a gang or none: Ray waits until they fit. The worker goes into the first."""
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    placement = resources.placement
    selector = dict(placement.choices[0])
    group = ray.util.placement_group(
        [resources.totals() or {"CPU": 0.1}] * placement.gang,
        strategy=placement.layout.upper(),
        name=name,
        lifetime="detached",
        bundle_label_selector=[selector] * placement.gang if selector else None,
    )
    return PlacementGroupSchedulingStrategy(group, 0, placement_group_capture_child_tasks=True)


def _free(name: str) -> None:
    """Release a gang's bundles."""
    import ray

    ray.util.remove_placement_group(ray.util.get_placement_group(name))


async def end_actor(line: Line, name: str, started: asyncio.Future[Started], resources: Resources) -> str:
    """Kill a worker and release its reservation; if it was already gone, say why."""
    import ray

    try:
        if not started.done():
            started.cancel()  # Otherwise it would start later, and hold resources promised to others.
            await asyncio.wait({started})
        if not started.cancelled():
            await line.ask(kill, started.result().handle)
        if resources.placement.gang > 1:
            await line.ask(_free, name)
    except (ValueError, ConnectionError, ray.exceptions.RayError) as error:
        return str(error)
    return ""


async def last_words_there(place: Place) -> LastWords:
    """The last words of a worker on another machine, read there by a Ray task."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    strategy = NodeAffinitySchedulingStrategy(place.node, soft=False)
    reading = ray.remote(num_cpus=0, max_retries=0)(read_last_words).options(scheduling_strategy=strategy)
    words: LastWords = await asyncio.wrap_future(reading.remote(place).future())
    return words


async def figures_of(started: Started) -> NodeFigures | None:
    """What is used on a worker's node; None if it cannot say."""
    import ray

    try:
        found: NodeFigures = await asyncio.wrap_future(started.handle.figures.remote().future())
    except (AttributeError, ray.exceptions.RayError):  # It is gone, or of an earlier version.
        return None
    return found


def kill(actor: Any) -> None:
    """Kill an actor of the cluster that this process is on; if it has left that, Ray would first start another."""
    import ray

    if ray.is_initialized():
        ray.kill(actor)


def find_actor(name: str) -> Any:
    """A worker by its name.

    Raises:
        ValueError: there is none.
    """
    import ray

    return ray.get_actor(name, NAMESPACE)


def waits_for_room(actor: Any) -> bool:
    """Whether Ray has not started the actor yet, so that it has no calls and cannot answer.

    Ray's public state API needs a dashboard, which clusters need not have.
    """
    import ray

    found = ray._private.state.actors(actor._actor_id.hex())
    return found.get("State") in {"DEPENDENCIES_UNREADY", "PENDING_CREATION"}


def actor_names() -> list[str]:
    """Names of all named actors."""
    import ray

    return list(ray.util.list_named_actors())
