"""The stories of this folder, on a whole system: the ``.feature`` files tell them, and here is what sentences do."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from eopiez_ray.supervision.parts import free_ports
from tests.gateway.conftest import sent
from tests.gateway.test_supervision import eopiez, system_at
from tests.letters import letters
from tests.waiting import wait_until

from .people import Person, Town
from .phases_of_stories import greeting_plan, picky_plan, slow_plan

PROJECT = "letters"

for feature in sorted(Path(__file__).parent.glob("*.feature")):
    scenarios(feature.name)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A whole system, brought up as a user does, and told where backups go."""
    folder = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("EOPIEZ_BACKUP_URL", str(folder / "backups"))
        patched.setenv("EOPIEZ_BACKUP_KEY_FILE", str(folder / "backup.key"))
        with system_at(folder / "home", free_ports(5)[4]) as system:
            made = Town(system, folder)
            yield made
            made.close()


@pytest.fixture
def actor(town: Town) -> dict[str, Person]:
    """Whose workflow a story is about."""
    return {}


# The first day.


@given("a system that was just brought up")
@given("a system that was told where backups go")
def _(town: Town) -> None:
    assert town.system.is_ready()


@when("the administrator signs in with the password that was left for them", target_fixture="first_token")
def _(town: Town) -> str:
    return town.first_token("admin", town.first_password())


@then("nothing is allowed before they choose a password of their own")
def _(town: Town, first_token: str) -> None:
    answer = httpx.get(f"{town.url}/workflows", headers={"Authorization": f"Bearer {first_token}"}, timeout=60)
    assert answer.status_code == 403, answer.text


@when("they choose one and start the demo collection")
def _(town: Town, actor: dict[str, Person]) -> None:
    actor["of run"] = town.administrator
    town.administrator.start("/pipeline/execute", {"demo": True}, "default")


@then("the run succeeds")
def _(actor: dict[str, Person]) -> None:
    ended = actor["of run"].ended()
    assert ended["status"] == "succeeded", ended["error"]


@then(parsers.parse("it has at least {count:d} themes, each with a name of its own"))
def _(actor: dict[str, Person], count: int) -> None:
    person = actor["of run"]
    labels = [theme["label"] for theme in person.items(f"/pipeline/{person.workflow}/themes")]
    assert len({*labels}) == len(labels) >= count


@given(parsers.parse('a project "{project}"'))
def _(town: Town, project: str) -> None:
    town.project(project)


@when(parsers.parse('the administrator invites "{name}" to it as a developer'))
def _(town: Town, name: str) -> None:
    town.person(name, PROJECT, "developer")


@then(parsers.parse('"{name}" can sign in, choose a password and see the project'))
def _(town: Town, name: str) -> None:
    assert [each["name"] for each in town.people[name].items("/projects")] == [PROJECT]


@then(parsers.parse('"{name}" cannot make projects or users'))
def _(town: Town, name: str) -> None:
    client = town.people[name].client
    assert client.post("/projects", json={"name": "own"}).status_code == 403
    assert client.post("/users", json={"login": "friend"}).status_code == 403


# Reading a collection.


@given(parsers.re(r'"(?P<name>\w+)" works for the project "(?P<project>\w+)" as an? (?P<role>\w+)'))
def _(town: Town, name: str, project: str, role: str) -> None:
    town.person(name, project, role)


@when(parsers.parse('"{name}" uploads {count:d} letters from six places and has them analysed'))
def _(town: Town, actor: dict[str, Person], name: str, count: int) -> None:
    actor["of run"] = analyse(town.people[name], [as_row(number, count) for number in range(count)])


@when(parsers.parse('"{name}" uploads {count:d} letters of which {broken:d} rows are broken and has them analysed'))
def _(town: Town, actor: dict[str, Person], name: str, count: int, broken: int) -> None:
    rows = [as_row(number, count) for number in range(count - broken)] + ['{"id": "torn", "text": "a lett'] * broken
    actor["of run"] = analyse(town.people[name], rows)


def as_row(number: int, count: int) -> str:
    """A letter as a line of JSON."""
    letter = [*letters(count)][number]
    return json.dumps({"id": f"{letter.place}-{number}", "text": letter.text})


def analyse(person: Person, rows: list[str]) -> Person:
    """Upload rows, and have them analysed."""
    content = "\n".join(rows).encode()
    made = person.client.post(
        "/uploads", json={"name": "letters.jsonl", "size": len(content)}, params={"project": PROJECT}
    )
    assert made.status_code == 201, made.text
    upload = made.json()["id"]
    sent_all = person.client.patch(f"/uploads/{upload}", content=content, headers={"Upload-Offset": "0"})
    assert sent_all.status_code < 300, sent_all.text
    person.start("/pipeline/execute", {"uploads": [upload]}, PROJECT)
    return person


@then("letters from one place are mostly in one theme")
def _(actor: dict[str, Person]) -> None:
    person = actor["of run"]
    documents = person.items(f"/pipeline/{person.workflow}/documents", limit=240)
    places: dict[str, Counter[int]] = {}
    for document in documents:
        places.setdefault(document["document_id"].partition("-")[0], Counter())[document["theme"]] += 1
    alike = sum(themes.most_common(1)[0][1] for themes in places.values())
    assert (len(places), alike > 0.8 * len(documents)) == (6, True), places


@then(parsers.parse('a search for "{query}" finds letters from the {place}'))
def _(actor: dict[str, Person], query: str, place: str) -> None:
    person = actor["of run"]
    found = person.items(f"/pipeline/{person.workflow}/search", query=query, limit=5)
    assert {hit["document_id"].partition("-")[0] for hit in found} == {place}


@then("the report, the tables and the archive can be downloaded")
def _(actor: dict[str, Person]) -> None:
    person = actor["of run"]
    for path, begins in (("report", b"<!"), ("tables/documents", b"PAR1"), ("archive", b"")):
        answer = person.client.get(f"/pipeline/{person.workflow}/{path}")
        assert (answer.status_code, answer.content.lower()[: len(begins)]) == (200, begins.lower()), path


@then(parsers.parse("it says of {count:d} rows why they were left out"))
def _(actor: dict[str, Person], count: int) -> None:
    assert sum(step["rejects"] for step in actor["of run"].view()["steps"]) == count


# Work of one's own.


@when(parsers.parse('"{name}" starts {count:d} tasks that take a while'))
def _(town: Town, actor: dict[str, Person], name: str, count: int) -> None:
    person = actor["of work"] = town.people[name]
    folder = town.folder / f"work-{len([*town.folder.glob('work-*')])}"
    folder.mkdir()
    person.begun = {"count": count, "runs": folder / "runs"}
    person.start("/workflows", sent(slow_plan(count, folder)), PROJECT)


def some_finished(person: Person) -> None:
    """Wait until some of their tasks are finished, and remember which."""

    def finished() -> list[int]:
        tasks = person.items(f"/workflows/{person.workflow}/tasks", step="slow")
        return [task["partition"] for task in tasks]

    wait_until(lambda: len(finished()) >= 4)
    person.begun["finished"] = finished()


@when(parsers.parse('"{name}" pauses them when some are finished'))
def _(town: Town, name: str) -> None:
    person = town.people[name]
    some_finished(person)
    answer = person.client.post(f"/workflows/{person.workflow}/pause", json={"why": "the machine is needed"})
    assert answer.status_code == 200, answer.text


@then("the workflow is paused, and says so when nothing runs any more")
def _(actor: dict[str, Person]) -> None:
    person = actor["of work"]
    wait_until(lambda: person.view()["status"] == "paused")
    assert [step["running"] for step in person.view()["steps"]] == [0, 0, 0]


@when(parsers.parse('"{name}" lets them go on'))
def _(town: Town, name: str) -> None:
    person = town.people[name]
    answer = person.client.post(f"/workflows/{person.workflow}/resume", json={})
    assert answer.status_code == 200, answer.text


@then("the workflow succeeds with the right result")
def _(actor: dict[str, Person]) -> None:
    person = actor["of work"]
    ended = person.ended()
    assert ended["status"] == "succeeded", ended["error"]
    result = person.client.get(f"/workflows/{person.workflow}/results/total").json()
    assert result["values"] == [sum(number * number for number in range(person.begun["count"]))]


@then("no task that was finished ran again")
def _(actor: dict[str, Person]) -> None:
    begun = actor["of work"].begun
    runs = Counter(Path(begun["runs"]).read_text().split())
    assert begun["finished"]
    assert {runs[str(number)] for number in begun["finished"]} == {1}


@when("the orchestrator is killed when some are finished")
def _(town: Town, actor: dict[str, Person]) -> None:
    some_finished(actor["of work"])
    os.kill(town.system.part("orchestrator"), signal.SIGKILL)


@when(parsers.parse('"{name}" starts work of which one task fails'))
def _(town: Town, actor: dict[str, Person], name: str) -> None:
    actor["of work"] = town.people[name]
    town.people[name].start("/workflows", sent(picky_plan()), PROJECT)


@then("the workflow fails, and says which task failed and why")
def _(actor: dict[str, Person]) -> None:
    person = actor["of work"]
    assert person.ended()["status"] == "failed"
    (attempt,) = person.items(f"/workflows/{person.workflow}/attempts")
    assert (attempt["step"], attempt["partition"], attempt["error_type"]) == ("picky", 3, "ValueError")
    assert attempt["message"] == "3 is no number for me"


# Sharing.


@then(parsers.parse('"{name}" finds neither the workflow nor its tasks, results, logs or events'))
def _(town: Town, actor: dict[str, Person], name: str) -> None:
    stranger, workflow = town.people[name], actor["of work"].workflow
    assert workflow not in [each["id"] for each in stranger.items("/workflows")]
    for path in ("", "/tasks", "/results/total", "/logs", "/events", "/attempts", "/graph"):
        assert stranger.client.get(f"/workflows/{workflow}{path}").status_code == 404, path


@then(parsers.parse('"{name}" cannot pause, cancel or retry it'))
def _(town: Town, actor: dict[str, Person], name: str) -> None:
    stranger, path = town.people[name].client, f"/workflows/{actor['of work'].workflow}"
    answers = [stranger.post(f"{path}/pause", json={}), stranger.post(f"{path}/retry", json={}), stranger.delete(path)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


@then(parsers.parse('"{name}" sees the workflow, and cannot pause it'))
def _(town: Town, actor: dict[str, Person], name: str) -> None:
    client, path = town.people[name].client, f"/workflows/{actor['of work'].workflow}"
    assert client.get(path).status_code == 200
    assert client.post(f"{path}/pause", json={}).status_code == 403


@then("the refusal is in the audit log, which is whole")
def _(town: Town) -> None:
    wait_until(lambda: town.administrator.items("/audit", actor="cleo", result="refused"))
    verified = eopiez(town.system.home, "audit", "verify")
    assert verified.returncode == 0, verified.stderr


# Answering for data.


@given(parsers.parse('"{name}" has started work that holds the name "{held}"'))
def _(town: Town, actor: dict[str, Person], name: str, held: str) -> None:
    person = actor["of work"] = town.people[name]
    person.start("/workflows", sent(greeting_plan(held)), PROJECT)
    assert person.ended()["status"] == "succeeded"
    person.begun = {"held": held}


@when(parsers.parse('"{name}" has everything erased that holds the name'))
def _(town: Town, name: str) -> None:
    person = town.people[name]
    body = {"scope": "subject", "value": person.begun["held"]}
    path = f"/projects/{PROJECT}/erasures"
    assert person.client.post(f"{path}/preview", json=body).json()["workflow_count"] == 1
    begun = person.client.post(path, json=body)
    assert begun.status_code == 202, begun.text
    wait_until(lambda: person.items(path)[0]["finished_at"])


@then("the workflow and its results are gone")
def _(actor: dict[str, Person]) -> None:
    person = actor["of work"]
    for path in ("", "/results/greet"):
        assert person.client.get(f"/workflows/{person.workflow}{path}").status_code == 404


@then("the audit log says what was erased, and not the name")
def _(town: Town, actor: dict[str, Person]) -> None:
    rows = town.administrator.items("/audit")
    assert {"erasure.begin", "erasure.complete"} <= {row["action"] for row in rows}
    assert actor["of work"].begun["held"] not in json.dumps(rows)


@then("a backup was made, and can be tried out")
def _(town: Town) -> None:
    wait_until(lambda: eopiez(town.system.home, "backup", "list", "--json").stdout)
    tried = eopiez(town.system.home, "backup", "verify")
    assert tried.returncode == 0, tried.stderr
