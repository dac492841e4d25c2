"""Near-copies: texts that were passed on, quoted as a whole or changed a little."""

from eopiez_ray.phases.copies.grouping import ALONE, Copies, group
from eopiez_ray.phases.copies.signatures import Signatures, join, sign

__all__ = ["ALONE", "Copies", "Signatures", "group", "join", "sign"]
