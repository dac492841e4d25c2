"""Keeps Python's cycle collector from scanning, again and again, what lives long anyway.

What is spared is freed by its reference count like everything else; only cycles in it stay.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 10_000
"""New objects after which Python collects cycles among them; its own default is 700."""


def spare_all() -> None:
    """Collect once, then skip all that is left, and run less often.

    Scanning what was imported took a quarter of the time of many small workflows.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(max(YOUNG_OBJECTS, gc.get_threshold()[0]), *gc.get_threshold()[1:])


def spare_new() -> None:
    """Skip what was made lately, without a full collection.

    Scanning a hundred thousand new workflows, again and again while they grew, took a third of their time.
    """
    gc.collect(1)
    gc.freeze()
