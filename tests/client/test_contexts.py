"""Contexts: kept for their owner alone, and found again by whichever program."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import eopiez_ray as ez
from eopiez_ray.client.contexts import Context, Contexts, Known
from eopiez_ray.client.credentials import Tokens
from eopiez_ray.errors import ParameterError

HERE = Context("here", "https://eopiez.example.com", "anna", "blue", key="secret-key")
THERE = Context("there", "http://127.0.0.1:8000", "ben", tokens=Tokens("secret-access", "secret-refresh", 1.5))


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    return Contexts(tmp_path / "config")


def test_what_is_kept_comes_back_and_nobody_else_can_read_it(contexts: Contexts) -> None:
    assert contexts.read() == Known()
    for each in (HERE, THERE):
        contexts.put(each)
    assert contexts.read() == Known("there", {"here": HERE, "there": THERE})
    modes = {path.name: path.stat().st_mode & 0o777 for path in contexts.folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert contexts.folder.stat().st_mode & 0o777 == 0o700


def test_one_is_chosen_renamed_and_forgotten(contexts: Contexts) -> None:
    for each in (HERE, THERE):
        contexts.put(each)
    contexts.use("here")
    assert contexts.get() == HERE
    contexts.rename("here", "home")
    assert contexts.get().name == "home"
    with pytest.raises(ParameterError, match="already"):
        contexts.rename("home", "there")
    contexts.delete("home")
    with pytest.raises(ParameterError, match="no system is chosen"):
        contexts.get()
    for unknown in (contexts.use, contexts.delete, contexts.get):
        with pytest.raises(ParameterError, match="there are there"):
            unknown("home")


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr([HERE, THERE])


def test_a_file_that_cannot_be_read_is_not_overwritten(contexts: Contexts) -> None:
    contexts.put(HERE)
    for text in ("{", "[]", '{"current": null}', '{"current": null, "contexts": [{"name": "x"}]}'):
        (contexts.folder / "contexts.json").write_text(text)
        with pytest.raises(ParameterError, match="cannot be read"):
            contexts.put(THERE)
        assert (contexts.folder / "contexts.json").read_text() == text


def test_programs_that_change_it_together_lose_nothing(contexts: Contexts) -> None:
    def put(number: int) -> None:
        Contexts(contexts.folder).put(Context(f"c{number}", "https://eopiez.example.com"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(40)))
    assert len(contexts.read().contexts) == 40


def test_without_arguments_the_environment_is_asked_and_then_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("EOPIEZ_URL", "EOPIEZ_TOKEN", "EOPIEZ_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ParameterError, match="eopiez login URL"):
        ez.connect()
    Contexts().put(HERE)
    Contexts().put(THERE)
    found = []
    for options in ({}, {"context": "here"}, {"url": "https://eopiez.example.org/v1/"}):
        with ez.connect(**options) as remote:
            found.append(remote.url)
    assert found == [THERE.url, HERE.url, "https://eopiez.example.org"]
    monkeypatch.setenv("EOPIEZ_URL", "https://under.example.com/path/")
    with ez.connect() as remote:
        assert remote.url == "https://under.example.com/path"
