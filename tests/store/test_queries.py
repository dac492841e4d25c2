"""The statements: each has a name, a sentence and a user."""

from __future__ import annotations

import ast
from importlib.resources import files
from itertools import pairwise

import pytest

from eopiez_ray.store.queries import collected, statements

TAKERS = {"sql", "_planned", "_views"}
"""Functions of the store that take the name of a statement."""


def nodes() -> list[ast.AST]:
    """The syntax of the whole store."""
    modules = [file for file in files("eopiez_ray.store").iterdir() if file.name.endswith(".py")]
    return [node for module in modules for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))]


def texts(given: list[ast.AST]) -> set[str]:
    return {node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def name_of(called: ast.AST) -> str:
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def test_every_statement_is_used() -> None:
    assert set(statements()) <= texts(nodes())


def test_every_statement_that_is_asked_for_is_there() -> None:
    calls = [node for node in nodes() if isinstance(node, ast.Call) and name_of(node.func) in TAKERS]
    asked = texts([argument for call in calls for argument in call.args])
    assert {"claim", "events", "tasks"} <= asked
    assert asked <= set(statements())


def test_every_statement_has_a_sentence() -> None:
    for name, text in statements().items():
        assert text.startswith("-- "), name
        comment = next(line for line, following in pairwise(text.splitlines()) if not following.startswith("-- "))
        assert comment.endswith("."), name


def test_two_statements_of_one_name_are_refused() -> None:
    given = "-- name: tasks\n-- All of them.\nselect 1\n"
    assert collected([("tasks.sql", given)]) == {"tasks": "-- All of them.\nselect 1"}
    with pytest.raises(ValueError, match=r"views\.sql: there is another statement named 'tasks'"):
        collected([("tasks.sql", given), ("views.sql", given)])
