"""Projects: what belongs to one does not exist for those who work for others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from eopiez_ray.errors import (
    EopiezError,
    ParameterError,
    ProjectExistsError,
    ProjectNotEmptyError,
    ProjectNotFoundError,
    WorkflowNotFoundError,
)
from eopiez_ray.model.changes import Change
from eopiez_ray.model.filters import WorkflowFilter
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.model.limits import LimitKey, LimitKind
from eopiez_ray.model.names import check_project_name
from eopiez_ray.model.requests import Selection, Verb
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, Intake, Projects, RuleBook, Updates, Workflows

from .given import create, intake_of, wanted

S = WorkflowStatus
BLUE, RED = ("blue",), ("red",)


@pytest.fixture
async def workflow(database: Database) -> WorkflowId:
    """A workflow of the project red; there is also an empty project blue."""
    for name in ("red", "blue"):
        await Projects(database).create(name)
    return await create(database, project="red", owner="anna", labels={"team": "a"})


async def test_a_project_is_created_found_renamed_and_deleted(database: Database) -> None:
    projects = Projects(database)
    made = await projects.create("red-7", "Red")
    assert (await projects.get("red-7")) == made
    assert [each.name for each in await projects.list()] == ["default", "red-7"]
    assert (await projects.rename("red-7", "Redder")).title == "Redder"
    assert [each.title for each in await projects.list(["red-7", "green"])] == ["Redder"]
    with pytest.raises(ProjectExistsError, match="already"):
        await projects.create("red-7")
    await projects.delete("red-7")
    with pytest.raises(ProjectNotFoundError, match="no project 'red-7'"):
        await projects.get("red-7")


@pytest.mark.parametrize("change", [lambda p: p.rename("x", ""), lambda p: p.delete("x"), lambda p: p.get("x")])
async def test_what_is_asked_of_no_project_is_refused(
    database: Database, change: Callable[[Projects], Awaitable[object]]
) -> None:
    with pytest.raises(ProjectNotFoundError):
        await change(Projects(database))
    with pytest.raises(ProjectNotFoundError):
        await RuleBook(database).weigh_project("x", 2)


@pytest.mark.parametrize("name", ["a", "7", "a-b", "a" * 63])
def test_names_of_projects(name: str) -> None:
    check_project_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a_b", "a b", "ä", "a\n", "a" * 64, "٣", 7, None, "\udcff", "a/b"]
)
async def test_other_names_are_refused(database: Database, name: str) -> None:
    with pytest.raises(ParameterError, match="cannot be called so"):
        await Projects(database).create(name)


async def test_a_project_with_workflows_stays(database: Database, workflow: WorkflowId) -> None:
    with pytest.raises(ProjectNotEmptyError, match="still has workflows"):
        await Projects(database).delete("red")
    with pytest.raises(ParameterError, match="stays"):
        await Projects(database).delete("default")
    assert (await Workflows(database).get(workflow)).project == "red"


async def test_limits_and_weights_go_with_their_project(database: Database, workflow: WorkflowId) -> None:
    rules = RuleBook(database)
    await rules.limit(LimitKey(LimitKind.PROJECT, "blue"), 3)
    await rules.limit(LimitKey(LimitKind.OWNER, "anna", "blue"), 3)
    await rules.limit(LimitKey(LimitKind.OWNER, "anna"), 4)
    await rules.weigh("anna", 2, "blue")
    await rules.weigh_project("blue", 2)
    await Projects(database).delete("blue")
    left = await rules.read()
    assert (left.maxima, left.weights, left.project_weights) == ({LimitKey(LimitKind.OWNER, "anna"): 4}, {}, {})


async def test_a_project_sees_its_own_limits(database: Database, workflow: WorkflowId) -> None:
    rules = RuleBook(database)
    mine = [LimitKey(LimitKind.LABEL, "team=a", "red"), LimitKey(LimitKind.PROJECT, "red")]
    for key in (*mine, LimitKey(LimitKind.LABEL, "team=a"), LimitKey(LimitKind.LABEL, "team=a", "blue")):
        await rules.limit(key, 1)
    assert [each.key for each in await rules.standing(RED)] == mine
    assert await rules.standing(()) == []
    assert len(await rules.standing()) == 4


async def test_a_workflow_of_no_project_is_refused(database: Database) -> None:
    with pytest.raises(ProjectNotFoundError, match="'green'"):
        await create(database, project="green")
    assert await Workflows(database).page() == []


async def test_a_workflow_of_no_project_does_not_stop_others_that_come_with_it(database: Database) -> None:
    intake = Intake(database)
    offers = (intake.create(wanted(project=project)) for project in ("default", "green", "default"))
    made = await asyncio.gather(*offers, return_exceptions=True)
    assert [isinstance(each, ProjectNotFoundError) for each in made] == [False, True, False]
    assert len(await Workflows(database).page()) == 2


async def test_a_project_is_not_deleted_under_a_workflow_that_is_being_created(database: Database) -> None:
    """Whichever is first: no workflow is left without a project."""
    for _ in range(20):
        await Projects(database).create("fleeting")
        intake = intake_of(database)
        outcomes = await asyncio.gather(
            intake.create(wanted(project="fleeting")), Projects(database).delete("fleeting"), return_exceptions=True
        )
        assert [type(each) for each in outcomes if isinstance(each, EopiezError)] in (
            [ProjectNotFoundError],
            [ProjectNotEmptyError],
        )
        await database.fetch("delete from workflows")
        await database.fetch("delete from projects where name = 'fleeting'")


@pytest.mark.parametrize("verb", ["pause", "cancel", "resume", "retry"])
async def test_a_request_to_another_projects_workflow_finds_none(
    database: Database, workflow: WorkflowId, verb: str
) -> None:
    workflows, nobody = Workflows(database), WorkflowId(uuid7())
    said = []
    for each in (workflow, nobody):
        with pytest.raises(WorkflowNotFoundError) as caught:
            await getattr(workflows, verb)(each, projects=BLUE)
        (answer,) = await getattr(workflows, f"{verb}_all")(Selection(ids=(each,), projects=BLUE))
        said.append((str(caught.value), answer.name, answer.status, answer.refusal))
    mine, others = (str(said[0]).replace(str(workflow), "ID"), str(said[1]).replace(str(nobody), "ID"))
    assert mine == others
    assert (await workflows.get(workflow)).status is S.QUEUED
    assert [event.kind for event in await workflows.events(workflow)] == ["created"]


async def test_a_request_to_all_touches_only_the_projects_given(database: Database, workflow: WorkflowId) -> None:
    workflows, other = Workflows(database), await create(database, project="blue", labels={"team": "a"})
    for selection in (Selection(everything=True, projects=BLUE), Selection(labels={"team": "a"}, projects=BLUE)):
        assert await workflows.count(Verb.PAUSE, selection) == 1
        assert [answer.id for answer in await workflows.pause_all(selection)] == [other]
        await workflows.resume_all(selection)
    assert await workflows.pause_all(Selection(everything=True, projects=())) == []
    assert (await workflows.get(workflow)).status is S.QUEUED


def test_a_project_alone_selects_nothing_by_accident() -> None:
    with pytest.raises(ParameterError, match="needs a condition"):
        Selection(projects=RED)


async def test_another_projects_workflow_is_not_found(database: Database, workflow: WorkflowId) -> None:
    workflows = Workflows(database)
    for text in (str(workflow), str(workflow)[-8:], str(workflow)[:13]):
        assert await workflows.resolve(text, RED) == workflow
        with pytest.raises(WorkflowNotFoundError):
            await workflows.resolve(text, BLUE)
    with pytest.raises(WorkflowNotFoundError):
        await workflows.get(workflow, BLUE)
    with pytest.raises(WorkflowNotFoundError):
        await Updates(database).ask(workflow, Change(priority=3), BLUE)
    assert (await workflows.get(workflow, RED)).priority == 0
    assert await workflows.statuses([workflow], BLUE) == {}
    assert await workflows.statuses([workflow], RED) == {workflow: S.QUEUED}


async def test_another_projects_ids_make_no_prefix_ambiguous(database: Database, workflow: WorkflowId) -> None:
    twin = await create(database, project="blue")
    shared = str(workflow)[:4]
    assert await Workflows(database).resolve(shared, RED) == workflow
    assert await Workflows(database).resolve(shared, BLUE) == twin


async def test_failures_of_another_project_are_not_told(database: Database, workflow: WorkflowId) -> None:
    await database.fetch(
        "update workflows set status = 'quarantined', finished_at = now(), error = '{\"error_type\": \"E\"}'"
    )
    await database.fetch(
        "insert into attempts (workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, "
        "started_at) values ($1, 0, 0, 1, 'failed', 'E', 'm', '', 'w', now())",
        workflow,
    )
    workflows = Workflows(database)
    for projects, count in ((RED, 1), (BLUE, 0), ((), 0), (None, 1)):
        selection = Selection(everything=True, projects=projects)
        assert len(await workflows.given_up(selection)) == count
        assert len(await workflows.set_aside(selection)) == count
        assert len(await workflows.page(WorkflowFilter(projects=projects))) == count
        assert await workflows.count_listed(WorkflowFilter(projects=projects, labels={"team": "a"})) == count
