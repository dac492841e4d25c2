"""Results that were stored plain, encrypted afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..encryption.streams import content_size, seal_in_place
from ..errors import ArtifactError, ArtifactMissingError
from ..model.tasks import SEALED, Output
from ..store import Workflows
from ..store.backups import BackupDesk
from ..store.converting import Conversion
from ..store.uploads import Uploads
from .retaining import GRACE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..encryption.keys import Cipher
    from ..store import Database
    from .artifacts import Artifacts


UPLOADS = 1000


class Converted(NamedTuple):
    """What was encrypted."""

    workflows: int
    artifacts: int | None
    """Plain artifacts that were deleted; None if they are in an object store, where others have to delete them."""


async def converted(database: Database, artifacts: Artifacts, shared: Path, told: Callable[[int], None]) -> Converted:
    """Encrypt all that is plain and not under way, and uploads below the gateway's folder; delete the artifacts that
    nothing refers to any more.

    Raises:
        EncryptionError: keys cannot be had.
        StorageFullError: there is no room for the encrypted artifacts beside the plain ones.
    """
    conversion = Conversion(database, Resealing(artifacts))
    count = await conversion.workflows(told)
    await conversion.rest()
    await _seal_uploads(database, shared)
    async with BackupDesk(database).none_at_work():
        live = await Workflows(database).live_digests()
        try:
            return Converted(count, artifacts.collect(live, GRACE_S).artifacts)
        except ArtifactError:
            return Converted(count, None)


async def _seal_uploads(database: Database, shared: Path) -> None:
    """Encrypt uploads that have arrived whole; whoever is reading one goes on with the plain file."""
    uploads, before = Uploads(database), None
    while page := await uploads.page(None, before, UPLOADS):
        for view in page:
            cipher = await database.vault.cipher(view.project)
            for path in (shared / "uploads" / view.project / str(view.id)).glob("[!.]*"):
                is_plain = content_size(path) == path.stat().st_size
                if cipher is not None and view.completed_at is not None and is_plain:
                    seal_in_place(path, cipher)
        before = page[-1].id


class Resealing:
    """Encrypts results one by one."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def __call__(self, output: Output, cipher: Cipher) -> Output:
        """The result encrypted; one whose artifact is gone stays as it is, but for its form."""
        try:
            content = memoryview(self._artifacts.stored(output))
        except ArtifactMissingError:
            return output._replace(form=output.form + SEALED)
        most = 0 if output.inline is None else len(output.inline)
        return self._artifacts.keep(output.form, [content], most, cipher)
