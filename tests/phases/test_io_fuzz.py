"""Damaged files of every format: what comes is documents, rejects or an error of ours, and nothing else.

A short round runs always; ``make test-long`` sets ``EOPIEZ_FUZZ_SECONDS``, for each format, and prints its seeds.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eopiez_ray.errors import EopiezError
from eopiez_ray.phases.io import survey
from tests.mutations import SEEDS, mutated
from tests.reading import read_all

SECONDS = float(os.environ.get("EOPIEZ_FUZZ_SECONDS", "0"))
ROUNDS = 250
LONGEST_S = 20.0
"""Of the processor, for one small file; beyond, something takes more than linear time."""


def check(folder: Path, name: str, data: bytes) -> None:
    """Read and survey a file, alone and beside a good one."""
    path = folder / name
    path.write_bytes(data)
    started = time.process_time()
    with contextlib.suppress(EopiezError):
        read_all(path)
    survey([str(path)])
    assert read_all(path, folder / "good.txt").rows[-1]["text"] == "good"
    assert time.process_time() - started < LONGEST_S


def seeds() -> Iterator[int]:
    """Those of the short round, and then others for as long as is wanted."""
    yield from range(ROUNDS)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        yield random.SystemRandom().randrange(2**32)


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files_raise_only_errors_of_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / "good.txt").write_text("good")
    for seed in seeds():
        data = mutated(SEEDS[name], random.Random(f"{name} {seed}"))
        try:
            check(tmp_path, name, data)
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}: {data[:500]!r}")
            raise


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=800), st.sampled_from(sorted(SEEDS)))
def test_any_bytes_under_any_name_raise_only_errors_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "good.txt").write_text("good")
    check(folder, name, data)
