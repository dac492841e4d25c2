"""Plans for tests of the machine: no code behind them."""

from __future__ import annotations

from blake3 import blake3

from eopiez_ray.model.plan import PhaseRef, PlanSpec, Step
from eopiez_ray.model.policies import RetryPolicy, StepPolicy
from eopiez_ray.model.status import PhaseKind

QUICK = StepPolicy(retry=RetryPolicy(initial_interval_s=1.0, maximum_attempts=2))
ONCE = StepPolicy(retry=RetryPolicy(maximum_attempts=1))


FAN_IN = 3


def codes(spec: PlanSpec) -> dict[str, bytes]:
    """What stands for the code of a plan's phases, by digest."""
    return {step.phase.digest: code_of(step.phase.name) for step in spec.steps}


def code_of(name: str) -> bytes:
    """What stands for the code of the phase of this name."""
    return repr(name).encode()


def digest_of(name: str) -> str:
    return blake3(code_of(name)).hexdigest(16)


def step(name: str, kind: str, *inputs: str, policy: StepPolicy = QUICK, count: int = 0) -> Step:
    parameters = {"count": count} if kind == "values" else {}
    fan_in = FAN_IN if kind == "combine" else 0
    return Step(name, PhaseRef(name, "1", PhaseKind(kind), digest_of(name)), inputs, parameters, policy, fan_in)


def plan(*steps: Step) -> PlanSpec:
    return PlanSpec("plan", steps)
