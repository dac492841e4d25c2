"""What a plan document can contain, and its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, create_model
from pydantic.json_schema import GenerateJsonSchema

from ...model.policies import StepPolicy
from .policies import Form, policy_of, step_keys

_EXAMPLE = {
    "plan": "tidy-the-corpus",
    "import": ["./phases.py"],
    "steps": {
        "load": {"phase": "load", "parameters": {"folder": "/data/corpus"}},
        "tidy": {"phase": "tidy", "inputs": ["load"], "retry": {"maximum_attempts": 5}, "timeout_s": 60},
    },
}


Names = Annotated[
    list[str],
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""A list of names, or a single name."""


class StepForm(Form):
    """What all steps have in common."""

    @property
    def policy(self) -> dict[str, Any]:
        """The parts of the step's policy that are written, for ``Plan.tune``."""
        return policy_of(StepPolicy, self)


class PhaseStep(StepForm):
    """A step that runs a phase."""

    phase: str = Field(examples=["tidy", "ingest_read"])
    """Name of the phase: built in, or registered by an import."""
    inputs: Names = Field(default=[], examples=[["load"], "load"])
    """Names of the steps whose outputs it takes, in the order of the phase's arguments; one needs no list."""
    parameters: dict[str, Any] = Field(default={}, examples=[{"lower": True}])
    """Keyword arguments of the phase. Paths must be absolute, as workers see them."""


class ValuesStep(StepForm):
    """A step that provides values, each of them a partition."""

    values: list[Any] = Field(examples=[[1, 2, 3]])
    """Any JSON values; a map over this step runs once for each."""


class PlanDocument(Form):
    """A plan: steps that pass values to each other, run as one durable workflow."""

    schema_address: str = Field(default="", alias="$schema")
    """Location of this schema, for editors."""
    plan: str = Field(min_length=1, examples=["tidy-the-corpus"])
    """Name of the plan."""
    imports: list[str] = Field(default=[], alias="import", examples=[["my_company.phases", "./phases.py"]])
    """Python modules, and files relative to this document, that register phases. Reading the plan executes them."""
    labels: dict[str, str] = Field(default={}, examples=[{"team": "research"}])
    """Labels for its workflows."""
    priority: int = Field(default=0, ge=-(2**15), le=2**15 - 1)
    """Priority of its workflows; higher goes first."""
    steps: dict[str, PhaseStep | ValuesStep] = Field(min_length=1)
    """The steps by name, in any order."""


def _kind_of_step(step: Any) -> str:
    return VALUES if isinstance(step, dict) and "values" in step else PHASE


PHASE, VALUES = "a step with a phase", "a step with values"
_KEYS: Any = step_keys(StepPolicy)
_phase_step: Any = create_model("PhaseStep", __base__=PhaseStep, __doc__=PhaseStep.__doc__, **_KEYS)
_values_step: Any = create_model("ValuesStep", __base__=ValuesStep, __doc__=ValuesStep.__doc__, **_KEYS)
_step: Any = Annotated[
    Annotated[_phase_step, Tag(PHASE)] | Annotated[_values_step, Tag(VALUES)], Discriminator(_kind_of_step)
]
DOCUMENT: type[PlanDocument] = create_model(
    "PlanDocument",
    __base__=PlanDocument,
    __doc__=PlanDocument.__doc__,
    steps=(dict[str, _step], PlanDocument.model_fields["steps"]),
)
"""``PlanDocument`` whose steps also have the keys of a policy."""


class _Untitled(GenerateJsonSchema):
    """Leaves out titles, since the keys speak for themselves."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of plan documents."""
    schema = DOCUMENT.model_json_schema(schema_generator=_Untitled)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "Plan of eopiez", "examples": [_EXAMPLE]}
