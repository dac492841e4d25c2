"""What one workflow's code changes in the process of a worker, no other workflow notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import eopiez_ray as ez

from . import phases_of_premises as phases


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    with ez.local(home=tmp_path_factory.mktemp("home"), cpus=1, object_store_bytes=80 * 2**20) as made:
        yield made


def run(system: ez.Local, phase: Any, *values: Any) -> list[Any]:
    plan = ez.Plan("premises")
    plan.step("made", phase, plan.values("values", values))
    return list(system.start(plan).wait(120).result("made"))


@pytest.fixture(scope="module")
def first(system: ez.Local) -> Any:
    return run(system, phases.senses, 200_000)


@pytest.mark.parametrize("how", phases.CHANGES)
def test_what_one_workflow_changes_no_other_notices(system: ez.Local, first: Any, how: str) -> None:
    assert run(system, phases.changes, how) == [how]
    assert run(system, phases.senses, 200_000) == first


def test_a_class_that_needs_what_it_sets_is_made_again_for_another_workflow(system: ez.Local) -> None:
    for _ in range(3):
        assert run(system, phases.Set, 1, 2) == ["set", "set"]
        assert "EOPIEZ_NEEDED_BY_A_TEST" not in run(system, phases.senses, 1)[0]["environment"]


def test_a_child_that_comes_back_from_its_task_is_no_second_worker(system: ez.Local) -> None:
    assert run(system, phases.forks, 1) == ["the child ended with 1"]
    assert run(system, phases.senses, 1)
