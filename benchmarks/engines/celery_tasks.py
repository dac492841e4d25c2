"""The tasks of ``celery_redis.py``, as its worker imports them."""

from __future__ import annotations

import os

import common
from celery import Celery

URL = os.environ.get("CELERY_URL", "redis://127.0.0.1:24379")
app = Celery("bench", broker=f"{URL}/0", backend=f"{URL}/1")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@app.task
def fib10(_before: object = None) -> int:
    """A short task."""
    return common.fib10()


@app.task
def fib33(_before: object = None) -> int:
    """A long task."""
    return common.fib33()


@app.task
def noop(_before: object = None) -> int:
    """A task of nothing."""
    return common.noop()


@app.task
def count(results: list[int]) -> int:
    """The end of a fan-out."""
    return len(results)
