"""Sealed values, texts and files: what was changed, moved or cut is an error, and never partial content."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.encryption.files import (
    CHUNK,
    HEADER_BYTES,
    SealedFile,
    is_sealed_file,
    sealed_pieces,
    sealed_size,
)
from eopiez_ray.encryption.keys import TAG_BYTES, Cipher, DataKey, Keys
from eopiez_ray.encryption.texts import MARK, is_sealed, opened, shown, shut
from eopiez_ray.errors import DataKeyMissingError, SealDamagedError

KEY, OTHER = (DataKey(os.urandom(16), project, os.urandom(32)) for project in ("blue", "red"))
CIPHER = Cipher(KEY)


def keys(*which: DataKey) -> Keys:
    made = Keys()
    made.add(which or (KEY,))
    return made


def sealed(content: bytes, name: str = "aa/bb", cut: int = 1000) -> bytes:
    pieces = [content[start : start + cut] for start in range(0, len(content), cut)]
    return b"".join(map(bytes, sealed_pieces(CIPHER, name, pieces, len(content))))


def read(
    stored: bytes, start: int = 0, stop: int | None = None, name: str = "aa/bb", held: Keys | None = None
) -> bytes:
    file = SealedFile(lambda begin, end: stored[begin:end], len(stored), name, held or keys())
    room = bytearray((file.size if stop is None else stop) - start)
    file.read_into(start, memoryview(room))
    return bytes(room)


@given(st.binary(max_size=2000), st.text())
def test_a_value_comes_back_at_its_place_alone(content: bytes, place: str) -> None:
    stored = CIPHER.seal(content, place)
    assert content not in stored or len(content) < 4
    assert keys().open(stored, place) == content
    with pytest.raises(SealDamagedError):
        keys().open(stored, place + "x")


@given(st.binary(min_size=1, max_size=200), st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_value_is_refused(content: bytes, at: int, change: int) -> None:
    stored = bytearray(CIPHER.seal(content, "place"))
    stored[at % len(stored)] ^= change
    with pytest.raises((SealDamagedError, DataKeyMissingError)):
        keys().open(bytes(stored), "place")


@given(st.text())
def test_any_text_comes_back_sealed_or_plain(text: str) -> None:
    assert opened(shut(text, "here", CIPHER), "here", keys()) == text
    plain = shut(text, "here", None)
    assert not is_sealed(plain)
    assert plain.removeprefix(" " if text.startswith(MARK) else "") == text


def test_nobody_has_a_plain_text_taken_for_a_sealed_one() -> None:
    assert shown(shut(MARK + "AAAA", "here", None), "here", keys()) == f" {MARK}AAAA"


def test_lone_surrogates_and_nul_are_sealed_as_text() -> None:
    assert opened(shut("a\udcff\0b", "here", CIPHER), "here", keys()) == "a\\udcff\0b"


def test_a_damaged_text_says_what_it_is_and_hides_no_others() -> None:
    damaged = shut("secret", "a log line", CIPHER)[:-4] + "AAA="
    assert "a log line cannot be decrypted" in shown(damaged, "a log line", keys())
    assert "a log line" in shown(MARK + "!", "a log line", keys())


def test_a_missing_key_is_named_with_what_to_do() -> None:
    with pytest.raises(DataKeyMissingError, match=r"artifact x is encrypted under data key .*-.*eopiez encrypt status"):
        keys(OTHER).open(CIPHER.seal(b"content", "artifact x"), "artifact x")


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17])
@pytest.mark.parametrize("cut", [1000, CHUNK, CHUNK + 5, 10 * CHUNK])
def test_files_of_any_size_come_back_whole_and_in_ranges(size: int, cut: int) -> None:
    content = os.urandom(size)
    stored = sealed(content, cut=cut)
    assert len(stored) == sealed_size(size)
    assert is_sealed_file(stored)
    assert read(stored) == content
    for start, stop in ((0, size), (size // 3, size // 2), (max(0, size - 5), size), (0, 0)):
        assert read(stored, start, stop) == content[start:stop]


def test_a_range_reads_the_chunks_that_it_touches_alone() -> None:
    content, reads = os.urandom(8 * CHUNK), list[tuple[int, int]]()
    stored = sealed(content)

    def fetch(begin: int, end: int) -> bytes:
        reads.append((begin, end))
        return stored[begin:end]

    file = SealedFile(fetch, len(stored), "aa/bb", keys())
    room = bytearray(10)
    file.read_into(5 * CHUNK - 5, memoryview(room))
    assert bytes(room) == content[5 * CHUNK - 5 : 5 * CHUNK + 5]
    assert sum(end - begin for begin, end in reads) == HEADER_BYTES + 2 * (CHUNK + TAG_BYTES)


def test_no_change_to_a_file_goes_unnoticed() -> None:
    content = bytes(3 * CHUNK)
    stored, size = sealed(content), CHUNK + TAG_BYTES
    chunks = [stored[HEADER_BYTES + at * size :][:size] for at in range(3)]
    header = stored[:HEADER_BYTES]
    other = sealed(content)
    for changed in (
        header + chunks[1] + chunks[0] + chunks[2],
        header + b"".join(chunks[:2]),
        header + chunks[0] + other[HEADER_BYTES + size :][:size] + chunks[2],
        other[:HEADER_BYTES] + b"".join(chunks),
        stored[:-1],
        stored + b"x",
        stored[:-1] + bytes([stored[-1] ^ 1]),
        b"",
        content,
    ):
        with pytest.raises(SealDamagedError):
            read(changed)


def test_a_file_cut_together_with_its_length_is_refused() -> None:
    stored = sealed(bytes(2 * CHUNK))
    lying = bytearray(stored[: HEADER_BYTES + CHUNK + TAG_BYTES])
    at = HEADER_BYTES - 12
    lying[at : at + 8] = CHUNK.to_bytes(8, "big")
    with pytest.raises(SealDamagedError):
        read(bytes(lying))


def test_a_file_under_another_name_is_refused() -> None:
    with pytest.raises(SealDamagedError, match="cc/dd"):
        read(sealed(b"content"), name="cc/dd")


def test_a_key_shows_itself_nowhere() -> None:
    assert "secret" not in repr(KEY)
