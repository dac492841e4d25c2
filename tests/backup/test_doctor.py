"""What ``eopiez doctor`` says of backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eopiez_ray.backup.system import repository_of
from eopiez_ray.settings import Settings
from eopiez_ray.supervision import examination
from eopiez_ray.supervision.examination import Verdict, backups

from .conftest import START, manifest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return Settings(home=tmp_path / "home", backup_url=str(tmp_path / "repository"), backup_key_file=tmp_path / "key")


def test_what_is_wrong_with_backups_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backups(Settings(home=settings.home, backup_url=None)).verdict is Verdict.GOOD
    missing = backups(settings)
    assert (missing.verdict, "there is no key" in missing.facts) == (Verdict.BAD, True)
    repository = repository_of(settings, is_new=True)
    assert (backups(settings).verdict, backups(settings).advice) == (Verdict.BAD, "`eopiez backup create`")
    now = datetime.now(UTC)
    repository.publish(manifest("1", days=(now - timedelta(hours=40) - START) / timedelta(days=1)))
    assert (backups(settings).verdict, "40.0 h old" in backups(settings).facts) == (Verdict.WARNING, True)
    repository.publish(manifest("2", days=(now - START) / timedelta(days=1)))
    assert "on the disk of the data home" in backups(settings).facts
    monkeypatch.setattr(examination, "_is_same_disk", lambda _: False)
    assert backups(settings).verdict is Verdict.GOOD
