"""The only room that knows SQL: Postgres in, frozen values out."""

from .batch import Batch, CacheEntry, StepRow
from .database import Database, connect
from .embedded import EmbeddedServer
from .intake import Created, Intake, NewWorkflow
from .ledger import Claim, Ledger
from .rules import RuleBook
from .updates import Asked, Updates
from .views import AttemptView, EventView, LogView, RejectView, StepView, TaskTime, WorkflowView
from .workflows import Workflows

__all__ = [
    "Asked",
    "AttemptView",
    "Batch",
    "CacheEntry",
    "Claim",
    "Created",
    "Database",
    "EmbeddedServer",
    "EventView",
    "Intake",
    "Ledger",
    "LogView",
    "NewWorkflow",
    "RejectView",
    "RuleBook",
    "StepRow",
    "StepView",
    "TaskTime",
    "Updates",
    "WorkflowView",
    "Workflows",
    "connect",
]
