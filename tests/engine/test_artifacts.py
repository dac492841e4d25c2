"""Artifacts: what is stored comes back, under its digest, whole or not at all."""

from __future__ import annotations

import errno
import pickle
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eopiez_ray.engine.artifacts import INLINE_BYTES, Artifacts, LoadedPartitions, ValueCache
from eopiez_ray.errors import ArtifactError, ArtifactMissingError, StorageFullError

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=plain)
def test_any_plain_value_comes_back_equal(tmp_path: Path, value: Any) -> None:
    artifacts = Artifacts(str(tmp_path))
    assert artifacts.load(artifacts.store(value)) == value


def test_large_tables_and_arrays_come_back_as_memory_maps(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    table = pa.table({"x": np.arange(100_000), "y": ["text"] * 100_000})
    array = np.random.default_rng(0).random((1000, 257)).astype(np.float32)
    before = pa.total_allocated_bytes()
    loaded_table, loaded = artifacts.load(artifacts.store(table)), artifacts.load(artifacts.store({"a": array}))
    assert loaded_table.equals(table)
    np.testing.assert_array_equal(loaded["a"], array)
    assert loaded["a"].ctypes.data % 64 == 0
    assert not loaded["a"].flags.writeable
    assert pa.total_allocated_bytes() - before < array.nbytes


def test_equal_values_are_stored_once(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    value = b"x" * (INLINE_BYTES + 1)
    first, second = artifacts.store(value), artifacts.store(value)
    assert first == second
    assert first.inline is None
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 1


def test_small_values_stay_in_their_row(tmp_path: Path) -> None:
    output = Artifacts(str(tmp_path)).store([1, 2, 3])
    assert output.inline is not None
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_cut_artifact_is_named(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    output = artifacts.store(b"x" * 100_000)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:50_000])
    assert not artifacts.holds(output)
    with pytest.raises(ArtifactMissingError, match="50,000 bytes"):
        artifacts.load(output)
    path.unlink()
    with pytest.raises(ArtifactMissingError, match=output.digest.hex()):
        artifacts.load(output)


def test_a_full_disk_says_so_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    artifacts = Artifacts(str(tmp_path))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFullError, match="100,0"):
        artifacts.store(b"x" * 100_000)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_cannot_be_pickled_says_what_to_return(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="the result of step 'one' cannot be stored: result is of type generator"):
        Artifacts(str(tmp_path)).store((number for number in range(3)), step="one")


def test_what_cannot_be_pickled_is_found_inside(tmp_path: Path) -> None:
    value = {"a": [1, 2, {"deep": (threading.Lock(),)}], "b": 3}
    with pytest.raises(ArtifactError, match=re.escape("result['a'][2]['deep'][0] is of type lock")):
        Artifacts(str(tmp_path)).store(value)


def test_an_object_store_holds_the_same(tmp_path: Path) -> None:
    artifacts = Artifacts(f"file://{tmp_path}")
    value = {"a": np.arange(100_000)}
    np.testing.assert_array_equal(artifacts.load(artifacts.store(value))["a"], value["a"])


def test_partitions_are_loaded_when_they_are_asked_for(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    partitions = LoadedPartitions(artifacts, [artifacts.store(number) for number in range(5)])
    assert (len(partitions), partitions[-1], list(partitions[1:3]), sum(partitions)) == (5, 4, [1, 2], 10)


def test_the_value_cache_is_bounded(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    outputs = [artifacts.store(bytes([number]) * 1000) for number in range(10)]
    cache = ValueCache(artifacts, limit_bytes=3500)
    for output in outputs:
        assert cache.load(output, may_share=False) == artifacts.load(output)
    assert len(cache._values) == 3


def test_outputs_survive_pickling(tmp_path: Path) -> None:
    output = Artifacts(str(tmp_path)).store(1)
    assert pickle.loads(pickle.dumps(output)) == output
