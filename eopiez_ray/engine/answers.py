"""A worker's answer to a call, in bytes that orchestrators of the version before can read, too, and the reverse.

What this version has added comes after the rest: who reads one pickle takes no notice of what follows.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING

from ..model.work import Answer

if TYPE_CHECKING:
    from ..model.dealings import Dealt


def written(answer: Answer, dealt: Dealt | None) -> bytes:
    """An answer, and what the worker has done with the artifact store since the last one."""
    first = pickle.dumps(answer, protocol=5)
    return first if dealt is None else first + pickle.dumps(dealt, protocol=5)


def read(told: bytes) -> tuple[Answer, Dealt | None]:
    """What is written."""
    stream = io.BytesIO(told)
    found = pickle.load(stream)
    answer = found if isinstance(found, Answer) else Answer(found, is_spent=False)
    return answer, pickle.load(stream) if stream.tell() < len(told) else None
