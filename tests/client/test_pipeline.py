"""The pipeline at a gateway: what is sent, and what was found."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eopiez_ray.errors import ArtifactMissingError, ForbiddenError, ParameterError, UnreadableInputError
from eopiez_ray.phases.pipeline import PipelineOptions
from tests.engine.inline import InlineExecutor
from tests.gateway.test_pipeline import LETTERS

if TYPE_CHECKING:
    from .site import Site


async def test_documents_are_analysed_and_what_was_found_comes_back(site: Site, tmp_path: Path) -> None:
    site.stage.orchestrate(InlineExecutor(site.stage.folder))
    early = tmp_path / "early"
    early.mkdir()
    async with site.client() as remote:
        workflow = await remote.pipeline.execute(
            LETTERS, options=PipelineOptions(title="Letters"), labels={"team": "x"}, idempotency_key="once"
        )
        run = remote.pipeline.run(workflow.id)
        with pytest.raises(ArtifactMissingError):
            await run.report(early / "report.html")
        assert not list(early.iterdir())
        await workflow.wait(120)
        themes = [theme async for theme in run.themes()]
        assert sum(theme["documents"] for theme in themes) == len(LETTERS)
        assert [motif async for motif in run.motifs()]
        of_theme = [row async for row in run.documents(themes[0]["theme"])]
        assert len(of_theme) == themes[0]["documents"]
        near = await run.similar("0", 5)
        assert {int(hit["document_id"]) % 3 for hit in near} == {0}
        asked = await run.search(LETTERS[0]["text"], 5)
        assert {int(hit["document_id"]) % 3 for hit in asked} == {0}
        assert (await run.facts())["title"] == "Letters"
        assert "Letters" in (await run.report(tmp_path / "new" / "report.html")).read_text()
        assert (await run.archive(tmp_path / "letters.eopz")).stat().st_size > 100
        assert (await run.table("documents")).num_rows == len(LETTERS)
        root, *nodes = await run.tree()
        assert (root["parent"], root["documents"]) == (None, len(LETTERS))
        assert {node["id"] for node in nodes} >= {theme["theme"] for theme in themes}
        pairs = await run.disagreements(limit=3)
        assert 0 < len(pairs) <= 3
        assert [pair["consistency"] for pair in pairs] == sorted(pair["consistency"] for pair in pairs)
        (chosen,) = await run.disagreements([pairs[0]["first"]["theme"]], limit=1)
        assert chosen["first"]["theme"] == pairs[0]["first"]["theme"]
        again = await remote.pipeline.execute(
            LETTERS, options={"title": "Letters"}, labels={"team": "x"}, idempotency_key="once"
        )
        assert again.id == workflow.id
        dated = [letter | {"time": f"2026-03-{1 + day:02}T12:00:00Z"} for day, letter in enumerate(LETTERS[2:30])]
        fewer = await remote.pipeline.execute(dated + LETTERS[30:])
        await fewer.wait(120)
        times = await remote.pipeline.run(fewer.id).timeline()
        assert (times["documents"], times["undated"], sum(times["timeline"]["total"])) == (len(LETTERS) - 2, 6, 28)
        later = await remote.pipeline.run(fewer.id).timeline(since=datetime(2026, 3, 15, tzinfo=UTC))
        assert later["documents"] == 14
        assert (await run.timeline())["timeline"] is None
        compared = await run.compare(fewer.id)
        assert (compared["matched_by"], compared["common"]) == ("documents", len(LETTERS) - 2)
        assert (await run.compare(fewer.id, by="words"))["matched_by"] == "words"
        assert [row["document_id"] async for row in run.changed(fewer.id, "new")] == ["0", "1"]
        (theme,) = {row["theme_after"] async for row in run.changed(fewer.id, "new") if row["document_id"] == "0"}
        assert [row["document_id"] async for row in run.changed(fewer.id, "new", theme_after=theme)] == ["0"]


async def test_files_of_a_folder_are_uploaded(site: Site, tmp_path: Path) -> None:
    site.stage.orchestrate(InlineExecutor(site.stage.folder))
    for number, letter in enumerate(LETTERS):
        path = tmp_path / "letters" / f"part{number % 3}" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(letter["text"])
    (tmp_path / "letters" / "empty.txt").touch()
    (tmp_path / "letters" / ".hidden").write_text("not for others")
    told: list[tuple[int, int]] = []
    async with site.client() as remote:
        workflow = await remote.pipeline.execute(
            files=[tmp_path / "letters"], told=lambda done, size: told.append((done, size))
        )
        await workflow.wait(120)
        documents = [row async for row in remote.pipeline.run(workflow.id).documents()]
    assert sorted(row["text"] for row in documents) == ["", *sorted(letter["text"] for letter in LETTERS)]
    assert len(told) == len(LETTERS)


async def test_many_documents_are_uploaded_instead_of_sent(site: Site) -> None:
    many = ({"text": f"letter {number} " + "x" * 1000} for number in range(4000))
    async with site.client() as remote:
        workflow = await remote.pipeline.execute(many)
        assert (await workflow.view()).name == "pipeline"
    assert site.moody.seen.count("POST /uploads") == 1


async def test_what_cannot_be_sent_is_refused_before_anything_is(site: Site, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with site.client() as remote:
        for files in ([tmp_path / "no"], [tmp_path / "empty"]):
            with pytest.raises((UnreadableInputError, ParameterError)):
                await remote.pipeline.execute(files=files)
        with pytest.raises(ParameterError, match="nothing to read"):
            await remote.pipeline.execute()
        with pytest.raises(ForbiddenError, match="not within a folder"):
            await remote.pipeline.execute(paths=["/etc/passwd"])
        with pytest.raises(ParameterError, match="options has no 'titel'"):
            await remote.pipeline.execute(["a"], options={"titel": "x"})
