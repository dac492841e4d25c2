"""The notebooks, each run from top to bottom in a real kernel; they share one home and one Ray cluster."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import asyncpg
import nbformat
import pytest
from nbclient import NotebookClient

import eopiez_ray as ez
from eopiez_ray.model.access import Role
from tests.client.serving import Gateway, new_key
from tests.documents import ROOT
from tests.engine.test_clusters import wind_down
from tests.waiting import wait_until

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HOSTILE = "<script>alert(1)</script> \x1b[31m \ud800 \u202e"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    """A system whose database and cluster the kernels use; it holds no workers of its own."""
    with ez.local(home=tmp_path_factory.mktemp("home"), cpus=2, object_store_bytes=80 * 2**20) as made:
        made.warm_up()
        made._run(wind_down(made))
        yield made


@pytest.fixture(scope="module")
def environment(local: ez.Local) -> dict[str, str]:
    """What the kernels find in their environment."""
    import ray

    address = ray.get_runtime_context().gcs_address
    own = {"EOPIEZ_HOME": str(local.settings.home), "EOPIEZ_RAY_ADDRESS": address}
    return {name: value for name, value in os.environ.items() if not name.startswith("EOPIEZ_")} | own


def run(number: int, environment: dict[str, str], folder: Path) -> list[Any]:
    """The outputs of a notebook's cells, one list for each cell of code."""
    (path,) = (path for path in NOTEBOOKS if path.name.startswith(f"{number}-"))
    book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return run_cells(book, environment, folder)


def run_cells(book: Any, environment: dict[str, str], folder: Path) -> list[Any]:
    client = NotebookClient(book, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return [cell.outputs for cell in book.cells if cell.cell_type == "code"]


def html_of(outputs: list[Any]) -> str:
    """The pictures that a cell has left."""
    return "".join(output.data.get("text/html", "") for output in outputs if "data" in output)


def text_of(outputs: list[Any]) -> str:
    """What a cell has printed, and its value as text."""
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_notebooks_are_kept_without_outputs() -> None:
    assert len(NOTEBOOKS) == 5
    for path in NOTEBOOKS:
        text = path.read_text("utf-8")
        book = json.loads(text)
        nbformat.validate(book)
        assert text == json.dumps(book, indent=1, ensure_ascii=False) + "\n", path.name
        for cell in book["cells"]:
            assert not cell["metadata"], path.name
            assert cell.get("outputs", []) == [], path.name
            assert cell.get("execution_count") is None, path.name


def test_every_notebook_is_on_the_page() -> None:
    page = (ROOT / "docs/notebooks.md").read_text("utf-8")
    assert set(re.findall(r"notebooks/([\w-]+\.ipynb)\)", page)) == {path.name for path in NOTEBOOKS}


def test_first_result(environment: dict[str, str], tmp_path: Path) -> None:
    _, plan, watched, longest, words, steps, _ = run(1, environment, tmp_path)
    assert "<b>longest-word</b>" in html_of(plan)
    assert "succeeded" in html_of(watched)
    assert text_of(longest) == "'lighthouse'"
    assert "3 partitions" in html_of(words)
    assert '<td style="text-align:left">longest</td>' in html_of(steps)


def test_own_phases_edited_and_run_again(environment: dict[str, str], tmp_path: Path) -> None:
    _, first, again, failing, told, attempts, mended, _ = run(2, environment, tmp_path)
    assert (text_of(first), text_of(again)) == ("[10, 20, 30]", "[100, 200, 300]")
    for shown in (failing, told, attempts):
        assert "2 is &lt;b&gt;not&lt;/b&gt; measured" in html_of(shown)
    assert text_of(mended) == "[1, 2, 3]"


def test_content_pipeline(environment: dict[str, str], tmp_path: Path) -> None:
    _, watched, tables, themes, places, motifs, _ = run(3, environment, tmp_path)
    assert "report.page" in html_of(watched)
    assert "'documents': 2225" in text_of(tables)
    for plotted in (themes, places, motifs):
        assert any("image/png" in output.get("data", {}) for output in plotted)


def test_recovery(environment: dict[str, str], tmp_path: Path) -> None:
    _, killed, found, watched, visited, events, _ = run(5, environment, tmp_path)
    assert re.fullmatch(r"killed after \d+ of 200 visits\n", text_of(killed))
    assert "visits" in html_of(found)
    assert "succeeded" in html_of(watched)
    assert re.fullmatch(r"\d+ of 200 ran twice\n", text_of(visited))
    assert text_of(events).count("claimed") >= 1


FORGOTTEN = """
import eopiez_ray as ez
@ez.phase
def double(number: int) -> int:
    return 2 * number
plan = ez.Plan("forgotten")
plan.step("double", double, plan.values("numbers", range(10)))
system = ez.local()
workflow = system.start(plan).wait()
"""


def test_a_forgotten_kernel_holds_nothing(local: ez.Local, environment: dict[str, str], tmp_path: Path) -> None:
    from eopiez_ray.engine.actors import actor_names

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FORGOTTEN)])  # type: ignore[no-untyped-call]
    client = NotebookClient(book, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    with client.setup_kernel(env=environment):
        client.execute_cell(book.cells[0], 0)
        wait_until(lambda: not actor_names())
        assert not any(local.workflow(str(view.id)).is_driven for view in local.workflows())
        assert asyncio.run(busy_sessions(local.database_url)) == []
    local.delete_project(local.create_project("unlocked").name)


RAISES = """
import eopiez_ray as ez
def build():
    ez.Plan("wrong").step("one", "no \\x1b[31mphase")
build()
"""


def test_an_error_shows_the_users_lines_and_the_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell(RAISES, metadata={"tags": ["raises-exception"]})  # type: ignore[no-untyped-call]
    book = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    ((error,),) = run_cells(book, environment, tmp_path)
    told = "\n".join(error["traceback"])
    assert told.count("File ") == 2
    assert 'ez.Plan("wrong").step' in told
    assert "UnknownPhaseError: no phase is named" in told
    assert "\x1b" not in told
    debugging = environment | {"EOPIEZ_DEBUG": "1"}
    ((error,),) = run_cells(nbformat.v4.new_notebook(cells=[cell]), debugging, tmp_path)  # type: ignore[no-untyped-call]
    assert "builder.py" in "\n".join(error["traceback"])


async def busy_sessions(url: str) -> list[str]:
    """What sessions besides this one are in the middle of."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "select query from pg_stat_activity where state like 'idle in transaction%' and pid <> pg_backend_pid()"
    )
    await connection.close()
    return [row["query"] for row in rows]


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.add(tag)


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def hostile(value: str) -> str:
    raise ValueError(value)


def test_what_users_wrote_is_escaped(local: ez.Local) -> None:
    name = "<script>alert(1)</script>"
    plan = ez.Plan(name)
    plan.step(name, hostile, plan.values("<img src=x>", [HOSTILE]))
    workflow = local.start(plan)
    workflow.settled(150)
    values = ez.Plan(name)
    values.step("same", ez.phase(version="1")(lambda value: value), values.values("v", [HOSTILE]))
    result = local.start(values).wait(150).result("same")
    shown: tuple[Any, ...] = (plan, workflow, workflow.steps(), workflow.attempts(), local.workflows(), result)
    for value in shown:
        page = value._repr_html_()
        tags = Tags()
        tags.feed(page)
        assert tags.found <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td", "progress"}, page
        assert not {"\x1b", "\ud800", "\u202e"} & set(page)
        page.encode()


def test_operating_through_the_gateway(local: ez.Local, environment: dict[str, str], tmp_path: Path) -> None:
    local.drive_all("notebooks")
    gateway = Gateway(local.settings.model_copy(update={"ray_address": None}))
    try:
        key = asyncio.run_coroutine_threadsafe(
            new_key(gateway.services, gateway.url, "anna", Role.DEVELOPER), gateway._loop
        ).result()
        own = {name: value for name, value in environment.items() if not name.startswith("EOPIEZ_")}
        places = {"EOPIEZ_URL": gateway.url, "EOPIEZ_TOKEN": key, "EOPIEZ_HOME": str(tmp_path)}
        listed, _, paused, watched, total, history, performance, costs, research, _ = run(4, own | places, tmp_path)
    finally:
        gateway.stop()
    assert "paused" in html_of(paused)
    assert "succeeded" in html_of(watched)
    assert text_of(total) == str(sum(range(100)))
    assert "pause_requested" in text_of(history)
    assert text_of(performance)
    assert text_of(costs)
    assert "nightly" in html_of(research)
    assert "<table>" in html_of(listed)


def test_watching_takes_a_notebook(local: ez.Local) -> None:
    with pytest.raises(ez.EopiezError, match="a program waits for it by wait"):
        local.workflow(str(local.workflows(limit=1)[0].id)).watch()
