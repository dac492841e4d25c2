"""The only room that knows SQL: Postgres in, frozen values out."""

from .batch import Batch, CacheEntry, StepRow
from .database import Database, connect
from .embedded import EmbeddedServer
from .intake import Created, Intake, NewWorkflow
from .ledger import Claim, Ledger
from .rules import RuleBook
from .updates import Asked, Updates
from .views import AttemptView, EventView, GivenUp, LogView, RejectView, StepView, TaskTime, WorkflowView
from .workflows import EVERYTHING, Workflows

__all__ = [
    "EVERYTHING",
    "Asked",
    "AttemptView",
    "Batch",
    "CacheEntry",
    "Claim",
    "Created",
    "Database",
    "EmbeddedServer",
    "EventView",
    "GivenUp",
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
