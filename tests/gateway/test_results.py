"""Results over HTTP, in each form, and what a hostile result can do: nothing."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import pickle
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

import eopiez_ray as ez
from eopiez_ray.gateway.problems import Problem
from eopiez_ray.gateway.values import Shown, value_of
from eopiez_ray.model.tasks import Output
from eopiez_ray.monitoring.catalogue import ARTIFACT_OPERATIONS
from eopiez_ray.monitoring.meter import Key, Meter
from eopiez_ray.monitoring.station import Station
from tests.gateway.conftest import Client, created, sent

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from tests.engine.conftest import Stage


@ez.phase(version="1")
def table(word: str) -> pa.Table:
    return pa.table({"word": [word], "letters": [len(word)]})


@ez.phase(version="1")
def noise(word: str) -> bytes:
    return os.urandom(1) * 200_000 + word.encode()


async def finished(client: Client, stage: Stage, phase: Any, *words: str) -> str:
    """A workflow in which the phase has worked on the words."""
    stage.orchestrate()
    plan = ez.Plan("made")
    plan.step("made", phase, plan.values("words", list(words)))
    answer = await client("anna").post("/workflows", json=sent(plan))
    workflow: str = answer.json()["id"]
    await stage.rest(workflow)  # type: ignore[arg-type]
    return workflow


@ez.phase(version="1")
def choosy(word: str) -> int:
    for number in range(3):
        ez.current_task().reject(f"{word}, row {number}", f"=reason {number % 2}", f"{word}\x00<b>")
    return 1


async def test_rejected_rows_are_listed_counted_and_exported(client: Client, stage: Stage) -> None:
    path, cleo = f"/workflows/{await finished(client, stage, choosy, 'a', 'b')}/rejects", client("cleo")
    counts = [tuple(each.values()) for each in (await cleo.get(f"{path}/reasons")).json()["items"]]
    assert counts == [("made", "=reason 0", 4), ("made", "=reason 1", 2)]
    first = (await cleo.get(path, params={"limit": 4, "step": "made"})).json()
    rest = (await cleo.get(path, params={"limit": 4, "cursor": first["next"]})).json()
    sources = [each["source"] for each in (*first["items"], *rest["items"])]
    assert sources == [f"{word}, row {number}" for word in "ab" for number in range(3)]
    assert rest["next"] is None
    assert first["items"][0]["sample"] == "a␀<b>"


async def test_rejected_rows_are_found_by_their_reason(client: Client, stage: Stage) -> None:
    path, cleo = f"/workflows/{await finished(client, stage, choosy, 'a', 'b')}/rejects", client("cleo")
    query: dict[str, Any] = {"reason": "=reason 0", "limit": 1}
    first = (await cleo.get(path, params=query)).json()
    second = (await cleo.get(path, params=query | {"cursor": first["next"]})).json()
    assert [each["items"][0]["source"] for each in (first, second)] == ["a, row 0", "a, row 2"]
    sheet = (await cleo.get(f"{path}/export", params={"reason": "=reason 1"})).text.split("\r\n")
    assert sheet == [
        "step,partition,source,reason,sample,rows",
        *(LINE.format(word=word, task=task) for task, word in enumerate("ab")),
        "",
    ]
    for step in ("no", "\x00"):
        assert (await cleo.get(path, params={"step": step})).status_code == 404
    assert (await cleo.get(path, params={"cursor": "WzEsMl0"})).status_code == 422


LINE = 'made,{task},"{word}, row 1",\'=reason 1,{word}␀<b>,1'


async def test_plain_results_are_json(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    workflow = await created(client("anna"), *("x" * number for number in range(5)))
    early = await client("cleo").get(f"/workflows/{workflow}/results/no")
    assert early.status_code == 404
    await stage.rest(workflow)  # type: ignore[arg-type]
    first = (await client("cleo").get(f"/workflows/{workflow}/results/length", params={"limit": 3})).json()
    assert (first["values"], first["partitions"], first["is_partitioned"]) == ([0, 1, 2], 5, True)
    rest = await client("cleo").get(f"/workflows/{workflow}/results/length", params={"cursor": first["next"]})
    assert (rest.json()["values"], rest.json()["next"]) == ([3, 4], None)
    one = await client("cleo").get(f"/workflows/{workflow}/results/length", params={"partition": 4})
    assert one.json()["values"] == [4]
    assert (await client("cleo").get(f"/workflows/{workflow}/results/length?partition=5")).status_code == 404


async def test_results_of_an_unfinished_step_are_not_there_yet(client: Client) -> None:
    workflow = await created(client("anna"), "a")
    answer = await client("cleo").get(f"/workflows/{workflow}/results/length")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:eopiez:problem:not-finished")


async def test_tables_come_as_one_arrow_stream(client: Client, stage: Stage) -> None:
    workflow = await finished(client, stage, table, "a", "bcd")
    accept = {"Accept": "application/vnd.apache.arrow.stream"}
    answer = await client("cleo").get(f"/workflows/{workflow}/results/made", headers=accept)
    with pa.ipc.open_stream(io.BytesIO(answer.content)) as reader:
        assert reader.read_all().to_pylist() == [{"word": "a", "letters": 1}, {"word": "bcd", "letters": 3}]
    rows = (await client("cleo").get(f"/workflows/{workflow}/results/made")).json()["values"]
    assert rows == [[{"word": "a", "letters": 1}], [{"word": "bcd", "letters": 3}]]


async def test_what_is_read_for_answers_is_counted(app: FastAPI, client: Client, stage: Stage) -> None:
    system = app.state.system
    path = f"/workflows/{await finished(client, stage, noise, 'a')}/results/made?partition=0"
    before = system.artifacts.dealings.take()
    answer = await client("cleo").get(path, headers={"Accept": "application/octet-stream"})
    dealt = system.artifacts.dealings.take()
    assert before is None
    assert (dealt.ends, dealt.bytes) == ({("read", "succeeded"): 1}, {"read": len(answer.content)})
    system.artifacts.dealings.add(dealt)
    (count,) = system.chores(Station(system.database, Meter(), "gateway"))
    await count.work()
    assert Key(ARTIFACT_OPERATIONS, ("read", "succeeded")) in system.traffic.meter.take().added


async def test_a_broken_download_goes_on_where_it_was(client: Client, stage: Stage) -> None:
    workflow = await finished(client, stage, noise, "a")
    path, raw = f"/workflows/{workflow}/results/made?partition=0", {"Accept": "application/octet-stream"}
    whole = await client("cleo").get(path, headers=raw)
    assert (whole.status_code, whole.headers["eopiez-form"], len(pickle.loads(whole.content))) == (
        200,
        "pickle",
        200_001,
    )
    parts = [await client("cleo").get(path, headers=raw | {"Range": asked}) for asked in ("bytes=0-999", "bytes=1000-")]
    assert [part.status_code for part in parts] == [206, 206]
    assert b"".join(part.content for part in parts) == whole.content
    assert parts[0].headers["content-range"] == f"bytes 0-999/{len(whole.content)}"
    last = await client("cleo").get(path, headers=raw | {"Range": "bytes=-5"})
    assert last.content == whole.content[-5:]
    beyond = await client("cleo").get(path, headers=raw | {"Range": "bytes=999999-"})
    assert beyond.status_code == 416
    listed = (await client("cleo").get(f"/workflows/{workflow}/artifacts")).json()
    assert listed["steps"]["made"][0]["size"] == len(whole.content)


def shown(value: Any) -> Any:
    """A value as JSON, by way of its stored form."""
    stored = pickle.dumps(value, protocol=5)
    return Shown().of(value_of(Output(b"", len(stored), "pickle", None), memoryview(stored)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True, "ü"], 3: (4,)}, {"a": [1, 2.5, None, True, "ü"], "3": [4]}),
        ({1}, [1]),
        (float("nan"), None),
        (2**70, hex(2**70)),
        (b"\xff", base64.b64encode(b"\xff").decode()),
        (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
        (np.float32(0.5), 0.5),
        ({"x": np.zeros(0)}, {"x": []}),
        (["\udcff\0", {"\ud83d": 1}], ["\\udcff\0", {"\\ud83d": 1}]),
        (PurePosixPath("caf\udce9"), "caf\\udce9"),
    ],
)
def test_plain_data_is_shown_as_json(value: Any, expected: Any) -> None:
    assert shown(value) == expected


TABLES = {
    "invalid text": pa.table({"a": pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())}),
    "times beyond the calendar": pa.table({"a": pa.array([2**62], pa.timestamp("us"))}),
    "a zone that there is not": pa.table({"a": pa.array([1], pa.timestamp("us", "Mars/Phobos"))}),
    "days beyond the calendar": pa.table({"a": pa.array([2**30], pa.date32())}),
    "durations": pa.table({"a": pa.array([2**62], pa.duration("s"))}),
    "an extension": pa.table({"a": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16)))}),
    "runs": pa.table({"a": pa.RunEndEncodedArray.from_arrays([3, 5], ["a", "b"])}),
    "a union": pa.table({"a": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(["\x00"])])}),
    "no columns": pa.table({}),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_anything_is_shown_or_refused(kind: str) -> None:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, TABLES[kind].schema) as writer:
        writer.write_table(TABLES[kind])
    stored = sink.getvalue()
    with contextlib.suppress(Problem):
        rows = Shown().of(value_of(Output(b"", len(stored), "arrow", None), memoryview(stored)))
        assert json.dumps(rows, allow_nan=False, ensure_ascii=False).encode()


class Hostile:
    """Creates a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._path),)


def test_a_hostile_result_is_not_loaded(tmp_path: Path) -> None:
    for value in (Hostile(tmp_path / "loaded"), [1, {"a": Hostile(tmp_path / "loaded")}], np.array([None, 1])):
        with pytest.raises(Problem, match="more than plain data"):
            shown(value)
    assert not (tmp_path / "loaded").exists()


def test_a_small_result_that_unfolds_into_a_huge_one_is_not_shown() -> None:
    laughs: list[Any] = ["ha"]
    for _ in range(40):
        laughs = [laughs, laughs]
    endless: list[Any] = []
    endless.append(endless)
    for value in (laughs, endless):
        with pytest.raises(Problem, match="too large"):
            shown(value)


@pytest.mark.parametrize("module", ["builtins", "os", "numpy", "subprocess", "eopiez_ray.engine.artifacts"])
def test_no_function_is_reached_by_name(module: str) -> None:
    name = {"builtins": "bytearray", "os": "system", "numpy": "ones", "subprocess": "run"}.get(module, "Artifacts")
    stored = b"\x80\x04c" + module.encode() + b"\n" + name.encode() + b"\nJ\xff\xff\xff\x7f\x85R."
    with pytest.raises(Problem, match="more than plain data"):
        value_of(Output(b"", len(stored), "pickle", None), memoryview(stored))
