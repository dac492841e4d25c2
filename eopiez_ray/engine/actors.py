"""Worker actors: how they are asked for, found, and ended."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.policies import Spread
from .joining import NAMESPACE
from .last_words import LastWords, read_last_words

if TYPE_CHECKING:
    from ..model.policies import Resources
    from ..model.work import Place

ORPHAN_S = 60.0
"""Seconds without a call or a sign of life after which a worker ends itself."""


class Started(NamedTuple):
    """A worker that answers."""

    handle: Any
    place: Place


async def start_actor(name: str, owner: str, resources: Resources, artifact_url: str) -> Started:
    """A new worker, once it answers; cancelled, it is taken out of Ray's queue."""
    import ray

    # Registering a named actor asks the head and waits: never on the event loop, and never given up halfway.
    creating = asyncio.create_task(asyncio.to_thread(_create_actor, name, owner, resources, artifact_url))
    try:
        actor = await asyncio.shield(creating)
        return Started(actor, await asyncio.wrap_future(actor.beat.remote().future()))
    except asyncio.CancelledError:
        await asyncio.to_thread(ray.kill, await creating)
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
    """What the step asks for, and threads for numerical libraries only as it has CPUs."""
    wanted: dict[str, Any] = json.loads(str(resources.runtime_env)) if resources.runtime_env else {}
    threads = str(max(1, int(resources.cpu)))
    return wanted | {
        "env_vars": {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, **wanted.get("env_vars", {})}
    }


def _scheduling(name: str, resources: Resources) -> dict[str, Any]:
    """Ray's options for where the worker goes."""
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
    """All bundles of a gang, or none yet: Ray waits until they fit. The worker goes into the first of them."""
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
    """Give the bundles of a gang back."""
    import ray

    ray.util.remove_placement_group(ray.util.get_placement_group(name))


async def end_actor(name: str, started: asyncio.Future[Started], resources: Resources) -> str:
    """Kill a worker, and give back what was reserved with it; why that was not needed, if it was gone already."""
    import ray

    try:
        if not started.done():
            started.cancel()  # Otherwise it would start later, and hold what others were promised.
            await asyncio.wait({started})
        if not started.cancelled():
            await asyncio.to_thread(ray.kill, started.result().handle)
        if resources.placement.gang > 1:
            await asyncio.to_thread(_free, name)
    except (ValueError, ray.exceptions.RayError) as error:
        return str(error)
    return ""


async def last_words_there(place: Place) -> LastWords:
    """The last words of a worker on another machine, read there by a task of Ray's."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    strategy = NodeAffinitySchedulingStrategy(place.node, soft=False)
    reading = ray.remote(num_cpus=0, max_retries=0)(read_last_words).options(scheduling_strategy=strategy)
    words: LastWords = await asyncio.wrap_future(reading.remote(place).future())
    return words


def find_actor(name: str) -> Any:
    """A worker by its name.

    Raises:
        ValueError: there is none.
    """
    import ray

    return ray.get_actor(name, NAMESPACE)


def waits_for_room(actor: Any) -> bool:
    """Whether Ray has not started the actor yet, so that it has nothing in hand and cannot answer.

    Ray's public state API would ask a dashboard, which clusters need not have.
    """
    import ray

    found = ray._private.state.actors(actor._actor_id.hex())
    return found.get("State") in {"DEPENDENCIES_UNREADY", "PENDING_CREATION"}


def actor_names() -> list[str]:
    """Names of all actors that have one."""
    import ray

    return list(ray.util.list_named_actors())
