"""The report: true figures, a page that needs nothing and runs nothing that documents say, tables that are whole."""

from __future__ import annotations

import errno
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eopiez_ray.errors import ContractError, StorageFullError
from eopiez_ray.model.tasks import StepSummary
from eopiez_ray.phases.boilerplate import Boilerplate
from eopiez_ray.phases.compression import ArchiveFacts
from eopiez_ray.phases.copies import ALONE, Copies
from eopiez_ray.phases.copies.tables import copies_table
from eopiez_ray.phases.io import text_digest
from eopiez_ray.phases.io.duplicates import Duplicates
from eopiez_ray.phases.motifs import MOTIFS
from eopiez_ray.phases.report.facts import Report
from eopiez_ray.phases.report.files import whole_file
from eopiez_ray.phases.report.gathering import Results, gather
from eopiez_ray.phases.report.map import MOST_POINTS, Map, sample_positions
from eopiez_ray.phases.report.page import as_bytes, as_duration, as_percent, colour, render
from eopiez_ray.phases.report.tables import TableFacts, described, write_tables
from eopiez_ray.phases.report.timeline import end_of, make_timeline
from eopiez_ray.phases.schemas import ASSIGNMENTS, DOCUMENTS, FACETS, THEMES, TRAITS
from eopiez_ray.phases.themes.finding import ThemeFacts

TEXT = """The {0} and the {1}, part {4}
Of every {2} they told a tale, and then of {3} they told another, until evening came and nobody was left to listen."""
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
NAMES = (
    "harbour, cargo, crane, vessel", "orchard, cider, apple, graft", "glacier, moraine, ice, melt",
    "loom, weft, yarn, weaver", "comet, orbit, telescope, lens", "violin, bow, quartet, rosin",
    "beehive, nectar, swarm, queen", "canal, lock, barge, towpath", "kiln, glaze, clay, potter",
)  # fmt: skip
STEPS = """ingest.read ingest.tokens ingest.duplicates copies.group motifs.count motifs.select motifs.locate
vectors.sketch vectors.fit vectors.embed themes.find themes.label compress.train compress.blocks compress.archive
report.tables report.page"""
EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)> & “quotes”'


def made_results(n: int = 900, n_themes: int = 9, *, evil: bool = False, dated: bool = True, **changes: Any) -> Results:
    """Results of a made-up collection whose first ``n_themes`` names are its themes."""
    random = np.random.default_rng(7)
    weights = 1 / np.arange(1.5, n_themes + 1.5)
    themes = random.choice(n_themes, n, p=weights / weights.sum()).astype(np.int32)
    centres = random.uniform(0.12, 0.88, (n_themes, 2))
    places = np.clip(centres[themes] + random.normal(0, 0.045, (n, 2)), 0, 1)
    words = [name.split(", ") for name in (NAMES * (1 + n_themes // len(NAMES)))[:n_themes]]
    texts = [TEXT.format(*words[theme], i) for i, theme in enumerate(themes)]
    texts[0] = EVIL if evil else texts[0]
    start = datetime(2024, 3, 1, tzinfo=UTC)
    times = [start + timedelta(hours=float(h)) if dated else None for h in np.sort(random.beta(2, 1.4, n)) * 9000]
    columns = {
        "document_id": [EVIL if evil and i == 0 else f"notes/{i:05}.txt" for i in range(n)],
        "text": texts,
        "title": [EVIL if evil and i == 0 else None for i in range(n)],
        "source": [f"notes/{i:05}.txt" if i % 3 else f"letters.csv.gz:{i}" for i in range(n)],
        "time": times,
        "label": [f"{words[t][0]}s" if i % 5 else "other" for i, t in enumerate(themes)],
        "digest": [text_digest(text) for text in texts],
    }
    documents = pa.table([pa.array(columns[f.name], f.type) for f in DOCUMENTS], schema=DOCUMENTS)
    sizes = np.bincount(themes, minlength=n_themes)
    order = np.argsort(-sizes, kind="stable")
    identities = np.array(columns["document_id"], dtype=object)
    theme_rows = {
        "theme": order.tolist(),
        "label": [EVIL if evil and t == 0 else ", ".join(words[t]) for t in order],
        "terms": [words[t] + ["evening", "tale"] for t in order],
        "weights": [[0.9, 0.72, 0.5, 0.44, 0.2, 0.1]] * n_themes,
        "documents": sizes[order].tolist(),
        "language": ["en"] * n_themes,
        "consistency": random.uniform(0.55, 0.93, n_themes).tolist(),
        "exemplars": [identities[themes == t][:3].tolist() for t in order],
    }
    motif_names = [" ".join(pair) for name in words for pair in itertools.pairwise(name)]
    counts = np.sort(random.integers(3, 400, len(motif_names)))[::-1]
    motif_rows = {
        "motif": motif_names,
        "words": [name.split() for name in motif_names],
        "length": [2] * len(motif_names),
        "count": counts.tolist(),
        "documents": (counts // 2 + 1).tolist(),
        "score": (counts * 3.0).tolist(),
        "q_value": [0.0] * len(motif_names),
        "c_value": (counts * 0.9).tolist(),
        "parent": [None] * len(motif_names),
        "category": [(None, "nature", "technology")[i % 3] for i in range(len(motif_names))],
        "confidence": [0.5] * len(motif_names),
    }
    assignments = {
        "document_id": columns["document_id"],
        "theme": themes,
        "confidence": random.uniform(0.4, 1, n),
        "second_theme": (themes + 1) % n_themes,
        "second_confidence": random.uniform(0, 0.4, n),
        "is_outlier": np.arange(n) % 50 == 0,
        "consistency": random.uniform(0.4, 1, n),
        "x": places[:, 0],
        "y": places[:, 1],
    }
    results = {
        "documents": [documents.slice(i, 250) for i in range(0, n, 250)],
        "traits": [made_traits(identities.tolist()[i : i + 250]) for i in range(0, n, 250)],
        "boilerplate": Boilerplate(np.arange(3, dtype=np.uint64), (("Sent from the harbour office", 9), ("Bye", 7))),
        "duplicates": Duplicates(41, 20, 7, (), 0, (), n, 9 * n),
        "copies": made_copies(identities.tolist()),
        "facets": made_facets(),
        "motifs": pa.table([pa.array(motif_rows[f.name], f.type) for f in MOTIFS], schema=MOTIFS),
        "assignments": pa.table([pa.array(assignments[f.name], f.type) for f in ASSIGNMENTS], schema=ASSIGNMENTS),
        "themes": pa.table([pa.array(theme_rows[f.name], f.type) for f in THEMES], schema=THEMES),
        "sheaf": ThemeFacts(n, 9 * n, 3, -24 * n, 0.81, ((9, 0.94), (4, 0.71)), 0.87),
        "archive": ArchiveFacts("/out/archive.eopz", n, 3, 1_204_000, 301_000),
        "tables": (TableFacts("documents", "tables/documents.parquet", n, 90_000),),
        "steps": made_steps(n),
    }
    return Results(**(results | changes))


def made_traits(ids: list[str]) -> pa.Table:
    """Every third document of a file is in French, and every tenth in no language that is known."""
    rows = range(len(ids))
    languages = ["und" if row % 10 == 9 else "fr" if row % 3 == 2 else "en" for row in rows]
    left_out = pa.array([4 if row % 50 == 0 else 0 for row in rows], pa.int32())
    return pa.table([ids, languages, ["text"] * len(ids), left_out], schema=TRAITS)


def made_facets() -> pa.Table:
    domains = [("domain", f"site{rank:02}.org", 90 - rank, 200 - rank) for rank in range(30)]
    rows = [*domains, ("hashtag", "#Sails", 7, 8), ("emoji", "⛵", 1, 4)]
    return pa.table(
        [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), FACETS, strict=True)], FACETS
    )


def made_copies(ids: list[str]) -> pa.Table:
    """The second to the fifth document are near-copies of the first, and the last is one of the last but one."""
    groups = np.full(len(ids), ALONE, np.int32)
    firsts = np.arange(len(ids))
    if len(ids) >= 7:
        groups[:5], groups[-2:] = 0, 1
        firsts[:5], firsts[-2:] = 0, len(ids) - 2
    return copies_table(pa.chunked_array([ids]), Copies(groups, firsts, np.ones(len(ids), np.float32)))


def made_steps(n: int) -> tuple[StepSummary, ...]:
    names = STEPS.split()
    steps = []
    at = 1_700_000_000.0
    for i, name in enumerate(names):
        wall = 0.4 + 2.1 * (i * 7 % 5)
        rejects = 3 if name == "ingest.read" else 0
        steps.append(StepSummary(name, 1 + i % 4, n, rejects, (), 0, wall, wall * 0.8, at, at + wall * 0.7))
        at += wall * 0.4
    steps[-1] = StepSummary(names[-1], 0, 0, 0, (), 0, 0.0, 0.0, 0.0, 0.0)
    return tuple(steps)


def page_of(results: Results) -> str:
    report, points = gather(results, "Notes and letters", NOW)
    return render(report, points)


class Reader(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_report_counts_what_is_there() -> None:
    results = made_results(900)
    report, _ = gather(results, "Notes", NOW)
    assert report.ingestion.documents == 900
    assert report.ingestion.rejects == 3
    assert (report.ingestion.duplicates, report.ingestion.largest_duplicate_group) == (41, 7)
    assert dict(report.ingestion.formats) == {"txt": 600, "csv": 300}
    assert sum(theme.documents for theme in report.themes) == 900
    assert sum(theme.share for theme in report.themes) == pytest.approx(1)
    assert sum(category.motifs for category in report.categories) == report.motif_count == results.motifs.num_rows


def test_near_copies_are_told_if_they_are_more_than_duplicates() -> None:
    report, points = gather(made_results(duplicates=Duplicates(2, 1, 3, (), 0, (), 900, 8100)), "Notes", NOW)
    assert (report.copies.documents, report.copies.groups) == (5, 2)
    assert [(count, first.document_id) for count, first in report.copies.largest] == [
        (5, "notes/00000.txt"),
        (2, "notes/00898.txt"),
    ]
    shown = Reader(render(report, points)).text
    assert "Near-copies" in shown
    assert report.copies.largest[1][1].title in shown
    assert "Near-copies" not in page_of(made_results())


def test_languages_are_shown_if_there_are_several() -> None:
    report, points = gather(made_results(500), "Notes", NOW)
    assert report.languages == (("en", 300), ("fr", 150), ("und", 50))
    text = "".join(Reader(render(report, points)).text.split())
    assert "Languages2English300French150undetermined50" in text
    assert "Languages" not in Reader(render(replace(report, languages=(("en", 500),)), points)).text


def test_what_documents_repeat_is_shown_with_examples() -> None:
    report, points = gather(made_results(500), "Notes", NOW)
    assert (report.boilerplate.lines, report.boilerplate.documents, report.boilerplate.words) == (3, 10, 40)
    shown = "".join(Reader(render(report, points)).text.split())
    assert "40wordsthatdonotcount10Sentfromtheharbouroffice9times" in shown
    assert "Answersthatsaynothing" not in shown


def test_answers_that_say_nothing_are_shown_as_the_first_writes_them() -> None:
    results = made_results(500)
    texts = ["No comment", "no comment.", "-", "N/A"] + ["words"] * 246
    kinds = ["uninformative"] * 4 + ["text"] * 246
    documents = results.documents[0].set_column(1, DOCUMENTS.field("text"), pa.array(texts))
    nothing = pa.array([0] * 250, pa.int32())
    traits = pa.table([documents.column("document_id"), ["en"] * 250, kinds, nothing], schema=TRAITS)
    changed = made_results(500, documents=[documents, results.documents[1]], traits=[traits, results.traits[1]])
    report, points = gather(changed, "Notes", NOW)
    assert report.uninformative.documents == 4
    assert report.uninformative.examples == (("No comment", 2), ("-", 1), ("N/A", 1))
    assert "Answers that say nothing" in Reader(render(report, points)).text


def test_facets_are_shown_where_several_documents_point_at_the_same() -> None:
    report, points = gather(made_results(), "Notes", NOW)
    assert [(facet.facet, facet.distinct, facet.top[0]) for facet in report.facets] == [
        ("domain", 30, ("site00.org", 90, 200)),
        ("hashtag", 1, ("#Sails", 7, 8)),
        ("emoji", 1, ("⛵", 1, 4)),
    ]
    shown = Reader(render(report, points)).text
    assert "What texts point at" in shown
    assert "site09.org" in shown
    assert "#Sails" in shown
    assert "site10.org" not in shown
    assert "Emoji" not in shown
    bare, _ = gather(made_results(facets=FACETS.empty_table()), "Notes", NOW)
    assert bare.facets == ()
    assert "What texts point at" not in render(bare, points)


def test_documents_are_written_with_their_traits(tmp_path: Path) -> None:
    results = made_results(500)
    write_tables(tmp_path, {"documents": described(results.documents, results.traits)})
    written = pq.read_table(tmp_path / "documents.parquet")
    assert written.column_names == [*DOCUMENTS.names, *TRAITS.names[1:]]
    assert written.column("language").to_pylist()[:3] == ["en", "en", "fr"]


def test_reasons_of_rejects_are_shown() -> None:
    report, points = gather(made_results(reasons=(("no text", 2), ("broken row", 1))), "Notes", NOW)
    assert report.ingestion.reasons[0] == ("no text", 2)
    assert "broken row" in Reader(render(report, points)).text


def test_exemplars_are_shown_with_their_beginnings() -> None:
    report, _ = gather(made_results(), "Notes", NOW)
    exemplar = report.themes[0].exemplars[0]
    assert exemplar.title.startswith("The harbour and the cargo, part ")
    assert exemplar.snippet.startswith("Of every crane they told a tale")


def test_theme_names_the_label_that_most_of_its_documents_brought() -> None:
    report, _ = gather(made_results(), "Notes", NOW)
    assert report.themes[0].main_label == "harbours"
    assert 0.7 < report.themes[0].main_label_share < 0.9


def test_what_a_theme_has_more_of_is_shown() -> None:
    report, points = gather(made_results(), "Notes", NOW)
    first, *_ = report.themes[0].differences
    assert (first.facet, first.value) == ("label", "harbours")
    assert first.times > 2
    assert f"label harbours {first.times:.1f}×" in Reader(render(report, points)).text


def test_bursts_are_shown_with_their_time() -> None:
    results = made_results()
    themes = results.assignments.column("theme").to_numpy()
    days = np.where((themes == 1) & (np.arange(900) % 4 > 0), 17, np.arange(900) % 30)
    times = (np.datetime64("2024-03-01T12:00:00", "us") + days * np.timedelta64(1, "D")).astype("datetime64[us]")
    column = pa.array(times).cast(DOCUMENTS.field("time").type)
    documents, start = [], 0
    for table in results.documents:
        place = table.schema.get_field_index("time")
        documents.append(table.set_column(place, DOCUMENTS.field("time"), column.slice(start, table.num_rows)))
        start += table.num_rows
    report, points = gather(made_results(documents=documents), "Notes", NOW)
    assert report.timeline is not None
    burst = report.timeline.bursts[0]
    label = next(theme.label for theme in report.themes if theme.theme == burst.theme)
    assert (burst.theme, report.timeline.starts[burst.first]) == (1, datetime(2024, 3, 18, tzinfo=UTC))
    read = Reader(render(report, points))
    assert re.search(rf"{label}\s*18 Mar 2024\s*{burst.documents} documents", read.text)
    assert any(given.get("class") == "burst" for tag, given in read.tags if tag == "rect")


def test_empty_documents_and_those_without_a_theme_are_counted() -> None:
    results = made_results(500)
    blank = results.documents[0].set_column(1, DOCUMENTS.field("text"), pa.array([" \n"] * 250, pa.string()))
    themes = pa.array([-1] * 250 + [0] * 250, pa.int32())
    assignments = results.assignments.set_column(1, ASSIGNMENTS.field("theme"), themes)
    changed = made_results(500, documents=[blank, results.documents[1]], assignments=assignments)
    report, points = gather(changed, "Notes", NOW)
    assert report.ingestion.empty == report.ingestion.themeless == 250
    assert points.titles[0] == "(empty)"
    assert "Without a theme" in render(report, points)


def test_documents_and_assignments_must_belong_together() -> None:
    results = made_results(500)
    with pytest.raises(ContractError, match="themes of 499 documents"):
        gather(made_results(500, assignments=results.assignments.slice(0, 499)), "Notes", NOW)
    with pytest.raises(ContractError, match="themes of 500 documents"):
        gather(made_results(500, documents=results.documents[:1], traits=results.traits[:1]), "Notes", NOW)
    with pytest.raises(ContractError, match="traits of others"):
        gather(made_results(500, traits=results.traits[:1]), "Notes", NOW)
    with pytest.raises(ContractError, match="traits of others"):
        gather(made_results(500, traits=results.traits[::-1]), "Notes", NOW)


def test_page_needs_nothing_from_outside() -> None:
    page = page_of(made_results())
    loads = [value for _, given in Reader(page).tags for name, value in given.items() if name in {"src", "href"}]
    assert set(loads) == {"tables/documents.parquet", "report.json"}
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_texts_of_documents_stay_texts() -> None:
    page = page_of(made_results(evil=True))
    read = Reader(page)
    assert sum(tag == "script" for tag, _ in read.tags) == 3
    assert not any(tag == "img" for tag, _ in read.tags)
    assert 'alert("x")' in read.text


def test_map_data_can_be_read_back() -> None:
    page = page_of(made_results(evil=True))
    found = re.search(r'<script type="application/json" id="map-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert len(data["titles"].split("\n")) == 900
    assert data["titles"].split("\n")[0].startswith("</script><script>")
    assert data["labels"]["0"] == EVIL


def test_main_facts_are_there_without_a_script() -> None:
    text = Reader(page_of(made_results())).text
    for fact in (
        "900",
        "harbour cargo",
        "The harbour and the cargo, part",
        "4.00 times smaller",
        "dim H⁰ = 3",
        "quarantine.jsonl",
    ):
        assert fact in text


@pytest.mark.parametrize("themes", [0, 1, 30])
def test_any_number_of_themes_can_be_shown(themes: int) -> None:
    if themes:
        page = page_of(made_results(400, themes))
        assert page.count('class="card"') == min(themes, 24)
    else:
        results = made_results(3, 1, dated=False)
        bare = made_results(
            3, 1, dated=False, themes=results.themes.slice(0, 0), motifs=results.motifs.slice(0, 0), archive=None,
            tables=(), steps=(),
        )  # fmt: skip
        page = page_of(bare)
        assert "No themes were found" in page
        assert "No phrase is used often enough" in page


def test_large_collections_are_sampled_the_same_way_each_time() -> None:
    assert len(sample_positions(MOST_POINTS)) == MOST_POINTS
    first, second = sample_positions(10 * MOST_POINTS), sample_positions(10 * MOST_POINTS)
    assert len(np.unique(first)) == MOST_POINTS
    assert (first == second).all()
    assert abs(first.mean() / (5 * MOST_POINTS) - 1) < 0.02


def test_page_of_a_large_collection_stays_small_and_says_that_it_samples() -> None:
    page = page_of(made_results(60_000))
    assert len(page) < 3_000_000
    assert "random sample of 20,000 of the 60,000 documents" in page


def test_page_says_how_sure_the_number_of_themes_is() -> None:
    page = " ".join(page_of(made_results()).split())
    assert "themes score best; next come 9 (94 % of that score) and 4 (71 % of that score)." in page
    assert "repeated searches agree: 0.87 of 1" in page


def test_json_has_the_facts_of_the_page() -> None:
    report, _ = gather(made_results(), "Notes", NOW)
    value = json.loads(json.dumps(report.to_value()))
    assert value["version"] == 1
    assert value["created_at"] == "2026-11-24T12:30:00+00:00"
    assert value["compression"]["ratio"] == 4.0
    assert value["choice"] == {"agreement": 0.87, "alternatives": [[9, 0.94], [4, 0.71]]}
    assert [step["name"] for step in value["steps"]][:2] == ["ingest.read", "ingest.tokens"]
    assert set(value["timeline"]["themes"]) == {str(theme["theme"]) for theme in value["themes"]}


def test_json_is_documented() -> None:
    report, _ = gather(made_results(), "Notes", NOW)
    documented = (Path(__file__).parents[2] / "docs/report.md").read_text()
    missing = [key for key in _keys(report.to_value()) if f"`{key}`" not in documented]
    assert missing == []


def _keys(value: Any) -> Iterator[str]:
    for key, item in value.items():
        if not key.isdigit():
            yield key
        for child in item if isinstance(item, list) else [item]:
            if isinstance(child, dict):
                yield from _keys(child)


def dates(*texts: str) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return np.array(texts, "datetime64[us]")


def test_timeline_takes_the_finest_unit_that_fits() -> None:
    days = dates("2024-01-01") + np.arange(40) * np.timedelta64(1, "D")
    themes = np.arange(40, dtype=np.int32) % 2
    for factor, unit in [(1, "day"), (7, "week"), (30, "month"), (91, "quarter"), (400, "year"), (3000, "decade")]:
        spread = days[0] + (days - days[0]) * factor
        timeline = make_timeline(spread, themes)
        assert timeline is not None
        assert timeline.unit == unit
        assert sum(timeline.total) == 40
        assert [sum(series) for series in timeline.themes.values()] == [20, 20]


def test_timeline_leaves_out_a_few_wrong_dates_and_says_so() -> None:
    good = dates("2024-01-01") + np.arange(1000) * np.timedelta64(1, "h")
    times = np.concatenate([good, dates("1970-01-01", "2036-01-01", "NaT")])
    timeline = make_timeline(times, np.zeros(1003, np.int32))
    assert timeline is not None
    assert timeline.starts[0] >= datetime(2024, 1, 1, tzinfo=UTC)
    assert (timeline.undated, timeline.outside + sum(timeline.total)) == (1, 1002)
    assert 2 <= timeline.outside <= 12


def test_no_timeline_without_times() -> None:
    assert make_timeline(dates(*["NaT"] * 50), np.zeros(50, np.int32)) is None


@pytest.mark.parametrize("middle", ["0001-01-02", "0009-06-01", "2024-01-01", "9998-01-01", "9999-12-30"])
@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_a_timeline_reaches_the_first_and_the_last_day_of_the_calendar(edge: str, middle: str) -> None:
    timeline = make_timeline(dates(*[edge] * 20, *[middle] * 20), np.zeros(40, np.int32))
    assert timeline is not None
    assert sum(timeline.total) == 40
    assert timeline.starts[0] < end_of(timeline)


def test_a_timeline_needs_times_that_differ() -> None:
    assert make_timeline(dates(*["2024-01-01"] * 50), np.zeros(50, np.int32)) is None
    report, points = gather(made_results(dated=False), "Notes", NOW)
    assert report.timeline is None
    assert "Over time" not in render(report, points)


def test_tables_are_written_partition_by_partition(tmp_path: Path) -> None:
    results = made_results(900)
    facts = write_tables(tmp_path / "tables", {"documents": results.documents, "motifs": results.motifs})
    assert [(each.name, each.rows) for each in facts] == [("documents", 900), ("motifs", 27)]
    written = pq.ParquetFile(tmp_path / "tables/documents.parquet")
    assert written.metadata.num_row_groups == 4
    assert written.metadata.row_group(0).column(1).compression == "ZSTD"
    assert written.read().equals(pa.concat_tables(results.documents))
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["documents.parquet", "motifs.parquet"]


def test_table_without_partitions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="'vectors' has no partitions"):
        write_tables(tmp_path, {"vectors": []})
    with pytest.raises(ContractError, match="given a list"):
        write_tables(tmp_path, {"vectors": [[1]]})


def test_failure_leaves_the_earlier_file(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("before")
    with pytest.raises(TypeError), whole_file(target) as partial:
        partial.write_text(None)  # type: ignore[arg-type]
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFullError, match="no space is left for"), whole_file(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "full")


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (as_bytes(999), "999 B"), (as_bytes(1_204_000), "1.2 MB"), (as_bytes(999_700), "1 MB"),
        (as_duration(0.0042), "4 ms"), (as_duration(2.04), "2.0 s"), (as_duration(59.6), "60 s"),
        (as_duration(184), "3 min 04 s"), (as_duration(7325), "2 h 02 min"),
        (as_percent(0.001), "<\u202f1\u202f%"), (as_percent(0.294), "29\u202f%"), (as_percent(0), "0\u202f%"),
    ],
)  # fmt: skip
def test_figures_read_well(shown: str, wanted: str) -> None:
    assert shown == wanted


def test_colours_of_many_themes_differ() -> None:
    assert len({colour(rank) for rank in range(60)}) == 60


def test_points_outside_the_map_do_not_break_it() -> None:
    places = np.array([np.nan, -3, 7], np.float32)
    value = Map(3, places, places, np.array([-1, 0, 1], np.int32), ("a", "b", "c")).to_value()
    assert set(value) == {"x", "y", "themes", "titles"}


def test_report_without_steps_knows_no_speed() -> None:
    report, _ = gather(made_results(steps=()), "Notes", NOW)
    assert isinstance(report, Report)
    assert report.documents_a_second == 0
