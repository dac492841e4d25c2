"""What a process logs gets into the stream: whole, without secrets, and without slowing anybody."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest

from eopiez_ray.logs import bound, get_logger
from eopiez_ray.model.log_lines import LineFilter, LineView, Part
from eopiez_ray.monitoring.logs.buffer import Buffer
from eopiez_ray.monitoring.logs.keeping import LogKeeper
from eopiez_ray.monitoring.logs.recorder import Recorder, recorded
from eopiez_ray.monitoring.logs.redaction import Redaction
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store import log_lines as store_module
from eopiez_ray.store.log_lines import LogLines
from tests.store.given import create
from tests.store.test_log_lines import printed
from tests.waiting import until

log = get_logger("eopiez_ray.tests")
NOWHERE = "postgresql://somebody:unlikely@127.0.0.1:9/none"


def record(level: int, text: str, *arguments: object) -> logging.LogRecord:
    """A record that no handler but ours sees."""
    return logging.LogRecord("others", level, "a.py", 1, text, arguments, None)


@pytest.fixture
def name() -> str:
    """A text by which a test finds its own lines."""
    return f"event {uuid4().hex}"


async def lines(database: Database, text: str, most: int = 100) -> list[LineView]:
    """Lines with a text once there are some, oldest first."""
    found = LogLines(database)
    where = LineFilter(text=text)
    await until(lambda: found.page(where, limit=1))
    return await found.after(where, 0, most)


async def test_a_line_has_what_it_belongs_to(database: Database, database_url: str, name: str) -> None:
    workflow = uuid4()
    with recorded(Settings(database_url=database_url), database_url, Part.ORCHESTRATOR):
        with bound(request_id="request-1", trace_id="a" * 32):
            log.warning(name, workflow=str(workflow), count=3)
        (line,) = await lines(database, name)
    assert (line.level, line.part, line.logger, line.project) == (
        "warning", Part.ORCHESTRATOR, "eopiez_ray.tests", None,
    )  # fmt: skip
    assert (line.request_id, line.trace_id, line.workflow_id) == ("request-1", "a" * 32, workflow)
    assert line.fields == {"workflow": str(workflow), "count": 3}
    assert line.message == f"{name} workflow={workflow} count=3"


async def test_colours_for_a_terminal_are_left_out(database: Database, database_url: str, name: str) -> None:
    with recorded(Settings(database_url=database_url), database_url, Part.GATEWAY):
        logging.getLogger("others.library").warning("\x1b[1m\x1b[32m%s\x1b[39m, in green", name)
        (line,) = await lines(database, name)
    assert line.message == f"{name}, in green"


async def test_a_traceback_comes_with_its_line(database: Database, database_url: str, name: str) -> None:
    with recorded(Settings(database_url=database_url), database_url, Part.GATEWAY):
        error = ValueError("lost \ud800 half \0")
        log.error(name, exc_info=error)
        logging.getLogger("others.library").error("%s, theirs", name, exc_info=error)
        ours, theirs = await until(lambda: _both(database, name))
    for line in (ours, theirs):
        assert line.fields["exception"].endswith("ValueError: lost \\ud800 half ␀")


async def _both(database: Database, text: str) -> list[LineView] | None:
    found = await lines(database, text)
    return found if len(found) == 2 else None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"url": "postgresql://anna:hunter22@db/eopiez"}, {"url": "postgresql://anna:***@db/eopiez"}),
        ({"password": "hunter22"}, {"password": "***"}),
        ({"headers": {"Authorization": "Bearer abcdefgh1234"}}, {"headers": {"Authorization": "***"}}),
        ({"error": "refused Bearer abcdefgh1234"}, {"error": "refused Bearer ***"}),
        ({"dsn": "host=db password=hunter22 user=anna"}, {"dsn": "host=db password=*** user=anna"}),
        ({"key": "eopiez_key_abcdefghij"}, {"key": "eopiez_key_***"}),
        ({"note": "the key is thirty-two random characters!"}, {"note": "the key is ***"}),
        ({"webhook": "told https://hooks/secret-path-1"}, {"webhook": "told ***"}),
        ({"rows": [1, ("a", "s3cret-of-db")]}, {"rows": [1, ["a", "***"]]}),
        ({"tokens": 5, "at": 0.5, "is_fine": True}, {"tokens": "***", "at": 0.5, "is_fine": True}),
    ],
)
def test_no_secret_gets_into_the_log(said: dict[str, object], kept: dict[str, object]) -> None:
    settings = Settings(
        database_url="postgresql://anna:s3cret-of-db@db/eopiez", secret_key="thirty-two random characters!",
        audit_webhook="https://hooks/secret-path-1",
    )  # fmt: skip
    assert Redaction.of(settings).fields(said) == kept


def test_a_flood_is_bounded_and_warnings_have_room_left() -> None:
    buffer = Buffer(most=100, reserved=10)
    for number in range(1000):
        buffer.handle(record(logging.INFO, str(number)))
    for number in range(50):
        buffer.handle(record(logging.ERROR, f"error {number}"))
    taken, dropped = buffer.take(1000)
    assert [each.record.msg for each in taken] == [*map(str, range(90)), *(f"error {n}" for n in range(10))]
    assert dropped == 910 + 40


async def test_dropped_lines_are_counted_in_the_stream(database: Database, database_url: str, name: str) -> None:
    recorder = Recorder(database_url, Part.GATEWAY, Redaction(), Buffer(most=20, reserved=0))
    for number in range(100):
        recorder.buffer.handle(record(logging.WARNING, f"{name} {number}"))
    recorder.start()
    try:
        (missing,) = await lines(database, "log lines were dropped")
    finally:
        recorder.stop()
    assert missing.fields == {"dropped": 80}
    assert len(await lines(database, name)) == 20


async def test_lines_wait_while_the_database_is_away(database: Database, database_url: str, name: str) -> None:
    recorder = Recorder(NOWHERE, Part.GATEWAY, Redaction())
    recorder.start()
    try:
        log.warning(name)
        await until(lambda: recorder.failures > 1)
        assert len(recorder.buffer) == 1
        recorder.url = database_url
        (line,) = await lines(database, name)
        assert line.level == "warning"
    finally:
        recorder.stop()


async def test_what_the_database_refuses_takes_nothing_with_it(
    database: Database, database_url: str, name: str
) -> None:
    misfit = record(logging.WARNING, f"{name} %d", "no number")
    with recorded(Settings(database_url=database_url), database_url, Part.GATEWAY) as recorder:
        log.warning(name, value=float("nan"), deep={"a": {1: object()}})
        recorder.buffer.handle(misfit)
        ours, theirs = await until(lambda: _both(database, name))
    assert ours.fields["value"] == "nan"
    assert "its arguments do not fit" in theirs.message


@pytest.fixture
def quiet() -> Iterator[logging.Logger]:
    """A logger that says nothing below errors."""
    logger = logging.getLogger("eopiez_ray.tests.quiet")
    logger.setLevel(logging.ERROR)
    yield logger
    logger.setLevel(logging.NOTSET)


async def test_a_level_holds_until_it_is_lifted(database: Database, database_url: str, quiet: logging.Logger) -> None:
    found = LogLines(database)
    with recorded(Settings(database_url=database_url), database_url, Part.GATEWAY):
        await found.set_level(quiet.name, "debug", "anna")
        await until(lambda: quiet.level == logging.DEBUG)
        quiet.debug("now it says more")
        (line,) = await lines(database, "now it says more")
        assert (line.level, line.logger) == ("debug", quiet.name)
        assert [(each.logger, each.level, each.set_by) for each in await found.levels()] == [
            (quiet.name, "debug", "anna")
        ]
        assert await found.lift_level(quiet.name)
        await until(lambda: quiet.level == logging.ERROR)
    assert not await found.lift_level(quiet.name)


async def test_levels_are_given_back_at_the_end(database: Database, database_url: str, quiet: logging.Logger) -> None:
    ours = logging.getLogger("eopiez_ray").level
    with recorded(Settings(database_url=database_url), database_url, Part.GATEWAY):
        await LogLines(database).set_level(quiet.name, "debug", "anna")
        await until(lambda: quiet.level == logging.DEBUG)
    assert quiet.level == logging.ERROR
    assert logging.getLogger("eopiez_ray").level == ours


async def test_the_stream_says_how_many_lines_of_tasks_are_left_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BACKLOG", 100)
    await printed(database, await create(database), 250)
    await LogKeeper(database, Settings()).gather()
    said = await LogLines(database).after(LineFilter(part=Part.ORCHESTRATOR), 0)
    assert [line.fields for line in said] == [{"dropped": 101}, {"dropped": 101}]
    assert len(await LogLines(database).after(LineFilter(part=Part.TASK), 0)) == 48
