"""What is deleted once a run has succeeded, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from eopiez_ray import Settings
from eopiez_ray.cli.conclusion import _drop_spool, spool_folder
from eopiez_ray.model.names import SPOOL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where standard input is kept, with what one run has kept there."""
    made = spool_folder(Settings(home=tmp_path / "home"))
    (made / "run").mkdir(parents=True)
    (made / "run" / "stdin").write_text("kept")
    return made


def test_kept_input_is_dropped_with_its_folder(folder: Path) -> None:
    _drop_spool({SPOOL: str(folder / "run" / "stdin")}, folder)
    assert list(folder.iterdir()) == []
    _drop_spool({SPOOL: str(folder / "run" / "stdin")}, folder)


@pytest.mark.parametrize("label", ["{tmp}/mine", "{spool}/../../mine", "{spool}/run/../../../mine", "{spool}/run/link"])
def test_a_label_never_names_another_file_to_be_deleted(folder: Path, tmp_path: Path, label: str) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (folder / "run" / "link").symlink_to(mine)
    _drop_spool({SPOOL: label.format(tmp=tmp_path, spool=folder)}, folder)
    assert mine.read_text() == "precious"
    assert (folder / "run" / "stdin").exists()


def test_a_label_that_names_the_spool_itself_deletes_nothing(folder: Path) -> None:
    for path in (folder, folder / "run", folder.parent):
        _drop_spool({SPOOL: str(path)}, folder)
    assert (folder / "run" / "stdin").exists()
