"""Two runs of the pipeline beside each other: which themes are the same, and which documents have moved."""

from eopiez_ray.phases.comparison.comparing import Comparison, Group, MatchedBy, Move, Side, compare
from eopiez_ray.phases.comparison.matching import GroupKind
from eopiez_ray.phases.comparison.moving import Change, Pairing

__all__ = ["Change", "Comparison", "Group", "GroupKind", "MatchedBy", "Move", "Pairing", "Side", "compare"]
