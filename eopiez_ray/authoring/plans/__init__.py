"""Plans as documents in YAML or JSON: reading, writing, and the JSON Schema of their form."""

from .models import PlanDocument, plan_schema
from .reading import read_plan

__all__ = ["PlanDocument", "plan_schema", "read_plan"]
