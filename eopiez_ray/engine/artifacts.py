"""Durable values, named by the digest of their content.

Small values travel inside their row; larger ones become a file, which is read by memory map; ``authoring/encoding.py``
says in which form. A file is written under a temporary name, synced and renamed, so a file that exists is complete.
Each process compares a file with its name once, so what a disk or somebody has changed is never taken for a result.
Values are shared between tasks and mapped read-only: never change them in place.
"""

from __future__ import annotations

import errno
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from blake3 import blake3

from ..authoring.encoding import decode, encode
from ..authoring.pickling import UNPICKLABLE, culprit
from ..display import partitions_html
from ..encryption.files import SealedFile, sealed_pieces, sealed_size
from ..encryption.keys import Cipher, Keys
from ..errors import (
    ArtifactDamagedError,
    ArtifactError,
    ArtifactMissingError,
    EncryptionError,
    SealDamagedError,
    StorageFullError,
)
from ..model.dealings import Ending, Operation
from ..model.tasks import SEALED, Output
from .dealings import Dealings
from .sharing import is_frozen
from .shelves import Collected, Folder, ObjectStore, Place

INLINE_BYTES = 64 * 1024
"""Largest value kept in its row."""
INLINE_BYTES_MANY = 2 * 1024
"""The same from partition ``FEW`` on, so that a step of a million tasks does not fill the database."""
FEW = 64
DIGEST_BYTES = 16
KNOWN_INTACT = 2**16
"""How many artifacts a process remembers to have compared with their digests."""


class Artifacts:
    """A store of values under a ``pyarrow.fs`` URL or a local folder."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        """
        Args:
            url: where they are kept.
            keys: what opens those that are encrypted.
        """
        self.url, self.keys = url, Keys() if keys is None else keys
        is_local = "://" not in url or url.startswith("file://")
        self._place: Place = Folder(Path(url.removeprefix("file://"))) if is_local else ObjectStore(url)
        self._intact = set[bytes]()
        self.dealings = Dealings()
        """What is done with files; values in their rows are none."""

    def store(self, value: Any, partition: int = 0, step: str = "", key: bytes = b"") -> Output:
        """Make ``value``, the result of a step's task, durable. After this returns and its row is committed, no crash
        loses it. With the id of a data key, it is encrypted.

        Raises:
            StorageFullError: no space is left.
            ArtifactError: it cannot be pickled or written.
            DataKeyMissingError: the key is not at hand.
        """
        try:
            form, pieces = encode(value)
        except UNPICKLABLE as error:
            raise ArtifactError(
                f"the result of step {step!r} cannot be stored: {culprit(value)}; return plain data"
            ) from error
        cipher = self.keys.get(key, f"the result of step {step!r}") if key else None
        return self.keep(form, pieces, INLINE_BYTES if partition < FEW else INLINE_BYTES_MANY, cipher)

    def keep(self, form: str, pieces: list[memoryview | bytes], most: int, cipher: Cipher | None) -> Output:
        """As ``store``, for a value in its stored form; up to ``most`` bytes travel in their row."""
        size = len(pieces[0]) if len(pieces) == 1 else sum(map(len, pieces))
        if size <= most:
            return _inline(form, b"".join(pieces), cipher)
        digest = _digest(pieces, size, cipher)
        self._write(digest, size, pieces, cipher)
        return Output(digest, size, form if cipher is None else form + SEALED, None)

    def _write(self, digest: bytes, size: int, pieces: list[memoryview | bytes], cipher: Cipher | None) -> None:
        """Write a file, unless it is there. Errors as in ``store``."""
        name, stored_size = _name(digest), size if cipher is None else sealed_size(size)
        try:
            with self.dealings.during(Operation.WRITE) as dealing:
                if self._place.renew(name, stored_size):
                    dealing.ending = Ending.FOUND
                    return
                self._place.write(name, pieces if cipher is None else sealed_pieces(cipher, name, pieces, size))
                dealing.bytes = stored_size
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFullError(
                    f"no space left for artifacts under {self.url} (needed {size:,} bytes); free some and retry"
                ) from error
            raise ArtifactError(f"cannot write an artifact under {self.url}: {error}") from error

    def load(self, output: Output) -> Any:
        """The value of an output.

        Raises:
            ArtifactMissingError: its artifact is gone.
            ArtifactDamagedError: it is not what was written.
            DataKeyMissingError: it is encrypted, and its key is not at hand.
            SealDamagedError: it is encrypted, and was changed; nothing of it is given.
        """
        return decode(output.content_form, self.stored(output))

    def stored(self, output: Output, start: int = 0, stop: int | None = None) -> pa.Buffer:
        """The stored form of an output, decrypted and not decoded, or a range of it. Errors as in ``load``."""
        if output.inline is not None:
            sealed = output.is_sealed
            content = self.keys.open(output.inline, _told(output.digest)) if sealed else output.inline
            return pa.py_buffer(content)[start:stop]
        if not output.is_sealed:
            return self._read(output)[start:stop]
        return self._opened(output, start, output.size if stop is None else min(stop, output.size))

    def _opened(self, output: Output, start: int, stop: int) -> pa.Buffer:
        """A range of an encrypted file."""
        opened = pa.allocate_buffer(max(0, stop - start))
        try:
            with self.dealings.during(Operation.READ) as dealing:
                self._sealed(output).read_into(start, memoryview(opened).cast("B"))
                dealing.bytes = opened.size
        except FileNotFoundError as error:
            raise self._missing(output) from error
        except SealDamagedError:
            self._set_aside(_name(output.digest))
            raise
        return pa.py_buffer(memoryview(opened).toreadonly())

    def _sealed(self, output: Output) -> SealedFile:
        name = _name(output.digest)
        file = SealedFile(partial(self._place.part, name), self._place.size(name), name, self.keys)
        if file.size != output.size:
            raise SealDamagedError(_told(output.digest))
        return file

    def probe(self) -> None:
        """Write a small artifact and read it back.

        Raises:
            ArtifactError: that is not possible.
        """
        content = b"eopiez"
        name = _name(blake3(content).digest(DIGEST_BYTES))
        try:
            self._place.write(name, [content])
            self._place.read(name)
        except OSError as error:
            raise ArtifactError(f"artifacts under {self.url} cannot be written and read: {error}") from error

    def holds(self, output: Output) -> bool:
        """Whether the value can still be loaded: it is there, and if it is encrypted, its key is at hand."""
        if not output.is_sealed:
            return self.is_stored(output)
        try:
            self.stored(output, 0, 0)
        except (ArtifactMissingError, EncryptionError):
            return False
        return True

    def is_stored(self, output: Output) -> bool:
        """Whether the value is there in full, whoever can read it."""
        if output.inline is not None:
            return True
        with self.dealings.during(Operation.LOOK) as dealing:
            is_there = self._place.holds(
                _name(output.digest), sealed_size(output.size) if output.is_sealed else output.size
            )
            dealing.ending = Ending.SUCCEEDED if is_there else Ending.MISSING
        return is_there

    def fault(self, output: Output) -> str | None:
        """Whether the stored value is ``missing`` or ``damaged``. An encrypted one is only measured: its key may be
        elsewhere."""
        if output.is_sealed:
            return None if self.is_stored(output) else "missing"
        try:
            self.stored(output)
        except ArtifactDamagedError:
            return "damaged"
        except ArtifactMissingError:
            return "missing"
        return None

    def collect(self, live: Collection[bytes], grace_s: float, *, dry_run: bool = False) -> Collected:
        """Delete artifacts that nothing refers to.

        Args:
            live: digests that something refers to; read them before this is called.
            grace_s: leave alone what was written, or found to exist, in the last so many seconds: a task writes its
                output before its row is committed.
            dry_run: only count.

        Raises:
            ArtifactError: they are in an object store, whose own lifecycle rules should do it.
        """
        if not isinstance(self._place, Folder):
            raise ArtifactError(
                f"artifacts under {self.url} are not collected; set a lifecycle rule for old objects there"
            )
        return self._place.collect({_name(digest) for digest in live}, time.time() - grace_s, dry_run=dry_run)

    def discard(self, digests: Collection[bytes], before: float) -> tuple[int, set[bytes]]:
        """Delete artifacts last written, or found to exist, before that moment (Unix seconds); gives how many, and the
        digests of the younger ones, which stay."""
        gone, young = 0, set[bytes]()
        for digest in digests:
            with self.dealings.during(Operation.DELETE) as dealing:
                fate = self._place.discard(_name(digest), before)
                dealing.ending = Ending.MISSING if fate is None else Ending.SUCCEEDED if fate else Ending.SPARED
            gone += fate is True
            if fate is False:
                young.add(digest)
        return gone, young

    def _read(self, output: Output) -> pa.Buffer:
        with self.dealings.during(Operation.READ) as dealing:
            buffer = self._whole(output)
            dealing.bytes = buffer.size
        return buffer

    def _whole(self, output: Output) -> pa.Buffer:
        """What is stored, compared with its size and its digest."""
        try:
            buffer = self._place.read(_name(output.digest))
        except FileNotFoundError as error:
            raise self._missing(output) from error
        if buffer.size != output.size:
            raise ArtifactMissingError(
                f"{self._described(output)} is not there in full: it has only {buffer.size:,} bytes"
            )
        if output.digest not in self._intact:
            self._check(output, buffer)
        return buffer

    def _check(self, output: Output, buffer: pa.Buffer) -> None:
        """Compare what is read with its digest."""
        if _digest([memoryview(buffer)], buffer.size) != output.digest:
            self._set_aside(_name(output.digest))
            raise self._damaged(output)
        if len(self._intact) >= KNOWN_INTACT:
            self._intact = set()
        self._intact.add(output.digest)

    def _set_aside(self, name: str) -> None:
        """Make room for the whole artifact, if that is possible; whoever found it damaged says so in any case."""
        with suppress(OSError):
            self._place.set_aside(name)

    def _missing(self, output: Output) -> ArtifactMissingError:
        if self._place.is_aside(_name(output.digest)):
            return self._damaged(output)
        return ArtifactMissingError(f"{self._described(output)} is not there; was the folder moved or emptied?")

    def _damaged(self, output: Output) -> ArtifactDamagedError:
        return ArtifactDamagedError(
            f"{self._described(output)} is damaged: its content is not what was written; restore it from a backup, "
            "or start the workflow anew, which makes it again"
        )

    def _described(self, output: Output) -> str:
        return f"artifact {output.digest.hex()} ({output.size:,} bytes) under {self.url}"


class LoadedPartitions(Sequence[Any]):
    """The partitions of an input, each loaded from its artifact on access."""

    def __init__(self, artifacts: Artifacts, outputs: Sequence[Output]) -> None:
        self._artifacts, self._outputs = artifacts, outputs

    def __len__(self) -> int:
        return len(self._outputs)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return LoadedPartitions(self._artifacts, self._outputs[index])
        return self._artifacts.load(self._outputs[index])

    def __iter__(self) -> Iterator[Any]:
        return (self._artifacts.load(output) for output in self._outputs)

    def __repr__(self) -> str:
        return f"<{len(self)} partitions>"

    def _repr_html_(self) -> str:
        return partitions_html(self)


class ValueCache:
    """Keeps values loaded that many tasks take whole: an LRU cache, bounded in stored bytes."""

    def __init__(self, artifacts: Artifacts, limit_bytes: int = 128 * 2**20) -> None:
        self._artifacts, self._limit = artifacts, limit_bytes
        self._values: OrderedDict[bytes, tuple[int, Any, bool]] = OrderedDict()
        """Size, value, and whether the value is immutable."""

    def load(self, output: Output, *, may_share: bool) -> Any:
        """The value; loaded at most once while it stays in the cache, if it can be shared.

        Args:
            output: whose value it is.
            may_share: whether the caller promises not to change it; an immutable value is shared anyway.
        """
        if output.digest in self._values:
            self._values.move_to_end(output.digest)
            _, value, is_safe = self._values[output.digest]
            return value if may_share or is_safe else self._artifacts.load(output)
        value = self._artifacts.load(output)
        is_safe = is_frozen(value, is_loaded=True)
        if not may_share and not is_safe:
            return value
        self._values[output.digest] = output.size, value, is_safe
        while sum(size for size, _, _ in self._values.values()) > self._limit and len(self._values) > 1:
            self._values.popitem(last=False)
        return value


def _inline(form: str, content: bytes, cipher: Cipher | None) -> Output:
    """An output that travels in its row."""
    if cipher is None:
        return Output(blake3(content).digest(DIGEST_BYTES), len(content), form, content)
    digest = blake3(content, key=cipher.name_key).digest(DIGEST_BYTES)
    return Output(digest, len(content), form + SEALED, cipher.seal(content, _told(digest)))


def _digest(pieces: Sequence[memoryview | bytes], size: int, cipher: Cipher | None = None) -> bytes:
    """The name of a value of so many bytes in its stored form; under a key, nobody else can guess it."""
    threads = blake3.AUTO if size > 2**22 else 1
    hasher = blake3(max_threads=threads) if cipher is None else blake3(key=cipher.name_key, max_threads=threads)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest(DIGEST_BYTES)


def _told(digest: bytes) -> str:
    return f"artifact {digest.hex()}"


def _name(digest: bytes) -> str:
    text = digest.hex()
    return f"{text[:2]}/{text[2:]}"
