"""Artifacts: what is stored comes back, under its digest, whole or not at all."""

from __future__ import annotations

import errno
import pickle
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eopiez_ray.engine.artifacts import INLINE_BYTES, Artifacts, LoadedPartitions, ValueCache, _name
from eopiez_ray.engine.shelves import Folder
from eopiez_ray.errors import ArtifactDamagedError, ArtifactError, ArtifactMissingError, StorageFullError
from eopiez_ray.model.dealings import Dealt, Ending, Operation
from eopiez_ray.model.sketch import count_of
from eopiez_ray.model.tasks import Output

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


def in_an_object_store() -> Artifacts:
    artifacts = Artifacts("mock://bucket")
    place: Any = artifacts._place
    for number in range(256):  # Unlike a real one, this store has folders.
        place._filesystem.create_dir(f"{place._root}/{number:02x}")
    return artifacts


@pytest.fixture(params=["folder", "object store"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    return Artifacts(str(tmp_path)) if request.param == "folder" else in_an_object_store()


def overwrite(artifacts: Artifacts, output: Output, content: bytes | bytearray) -> None:
    """Do what a failing disk or somebody with an editor does."""
    artifacts._place.write(_name(output.digest), [bytes(content)])


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 99_999), change=st.integers(1, 255), value=st.sampled_from(["text", "table", "array"]))
def test_whatever_byte_is_changed_no_wrong_value_is_given(tmp_path: Path, place: int, change: int, value: str) -> None:
    values = {"text": "x" * 100_000, "table": pa.table({"x": np.arange(20_000)}), "array": np.arange(20_000)}
    artifacts = Artifacts(str(tmp_path))
    output = artifacts.store(values[value])
    content = bytearray(memoryview(Artifacts(str(tmp_path)).stored(output)))
    content[place] ^= change
    overwrite(artifacts, output, content)
    for _ in range(2):
        with pytest.raises(ArtifactDamagedError, match=f"{output.digest.hex()} .* is damaged"):
            Artifacts(str(tmp_path)).load(output)


def test_what_was_damaged_is_set_aside_and_can_be_made_again(anywhere: Artifacts) -> None:
    output = anywhere.store("x" * 100_000)
    content = anywhere.stored(output).to_pybytes()
    anywhere._intact.clear()
    overwrite(anywhere, output, b"y" + content[1:])
    assert anywhere.fault(output) == "damaged"
    assert not anywhere.holds(output)
    assert anywhere.store("x" * 100_000) == output
    assert anywhere.fault(output) is None
    assert anywhere.load(output) == "x" * 100_000


def test_what_is_done_with_artifacts_is_added_up(anywhere: Artifacts) -> None:
    assert anywhere.dealings.take() is None
    output, small = anywhere.store("x" * 100_000), anywhere.store("x")
    anywhere.store("x" * 100_000)
    assert [anywhere.load(each) for each in (output, output, small)] == ["x" * 100_000, "x" * 100_000, "x"]
    assert anywhere.is_stored(output)
    overwrite(anywhere, output, b"y" * output.size)
    anywhere._intact.clear()
    for error in (ArtifactDamagedError, ArtifactMissingError):
        with pytest.raises(error):
            anywhere.load(output)
    anywhere.store("x" * 100_000)
    assert anywhere.discard([output.digest], 0.0)[0] == 0
    assert anywhere.discard([output.digest], time.time() + 60)[0] == 1
    dealt = anywhere.dealings.take()
    assert dealt is not None
    assert dealt.ends == {
        ("write", "succeeded"): 2, ("write", "found"): 1, ("read", "succeeded"): 2, ("read", "damaged"): 2,
        ("look", "succeeded"): 1, ("delete", "spared"): 1, ("delete", "succeeded"): 1,
    }  # fmt: skip
    assert dealt.bytes == {"write": 2 * output.size, "read": 2 * output.size}
    assert {operation: count_of(sketch) for operation, sketch in dealt.seconds.items()} == {
        "write": 2, "read": 2, "look": 1, "delete": 1,
    }  # fmt: skip
    assert anywhere.dealings.take() is None


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OSError(errno.ENOSPC, "full"), "full"),
        (OSError(errno.EDQUOT, "full"), "full"),
        (OSError(errno.EIO, "broken"), "failed"),
    ],
)
def test_what_fails_is_counted_by_how(tmp_path: Path, error: OSError, outcome: str) -> None:
    class Broken(Folder):
        def write(self, name: str, pieces: Iterable[memoryview | bytes]) -> None:
            raise error

    artifacts = Artifacts(str(tmp_path))
    artifacts._place = Broken(tmp_path)
    with pytest.raises(ArtifactError):
        artifacts.store("x" * 100_000)
    dealt = artifacts.dealings.take()
    assert dealt is not None
    assert (dealt.ends, dealt.bytes, dealt.seconds) == ({("write", outcome): 1}, {}, {})


def test_what_threads_do_at_once_is_counted_once(tmp_path: Path) -> None:
    artifacts, taken = Artifacts(str(tmp_path)), Dealt()
    output = artifacts.store("x" * 100_000)

    def read() -> None:
        for _ in range(200):
            artifacts.stored(output)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken.add(artifacts.dealings.take() or Dealt())
    taken.add(artifacts.dealings.take() or Dealt())
    assert taken.ends[Operation.READ, Ending.SUCCEEDED] == 800


def test_a_collection_takes_what_was_set_aside(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    output = artifacts.store("x" * 100_000)
    overwrite(artifacts, output, b"y" * output.size)
    assert artifacts.fault(output) == "damaged"
    assert artifacts.collect([output.digest], -60).artifacts == 1
    assert artifacts.fault(output) == "missing"


def test_what_a_process_knows_to_be_intact_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eopiez_ray.engine.artifacts.KNOWN_INTACT", 2)
    artifacts = Artifacts(str(tmp_path))
    for number in range(9):
        artifacts.load(artifacts.store(bytes([number]) * 100_000))
        assert len(artifacts._intact) <= 2


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
