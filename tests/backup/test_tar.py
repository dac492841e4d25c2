"""A tar file in pieces is the same tar file, cut where members begin."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.backup.recovering import Pieces
from eopiez_ray.backup.tar import TarCutter

PIECE = 4 * 2**20


def archive(members: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return written.getvalue()


@given(
    st.dictionaries(st.text("abcdef/", min_size=1, max_size=20), st.binary(max_size=3000), max_size=8),
    st.sampled_from([1024, 1536, 4096, PIECE]),
)
def test_the_pieces_are_the_whole(members: dict[str, bytes], most: int) -> None:
    whole = archive(members)
    cutter = TarCutter(io.BytesIO(whole), most, {*members})
    pieces = [*cutter]
    assert b"".join(pieces) == whole
    assert cutter.bytes == len(whole)
    assert all(len(piece) <= most for piece in pieces)
    assert cutter.members == members


def test_a_large_member_that_stays_the_same_is_the_same_pieces() -> None:
    large = bytes(range(256)) * 20_000
    first = {*TarCutter(io.BytesIO(archive({"a": b"1" * 700, "b": large})), PIECE, ())}
    second = {*TarCutter(io.BytesIO(archive({"a": b"2" * 5000, "b": large})), PIECE, ())}
    assert sum(map(len, first & second)) >= PIECE


def test_a_tar_file_that_ends_in_the_middle_is_an_error() -> None:
    whole = archive({"a": b"1" * 5000})
    with pytest.raises(EOFError):
        [*TarCutter(io.BytesIO(whole[:3000]), PIECE, ())]


@given(st.lists(st.binary(max_size=50), max_size=10), st.integers(1, 40))
def test_pieces_read_as_one_stream(pieces: list[bytes], size: int) -> None:
    stream = io.BufferedReader(Pieces(pieces))
    found = b""
    while part := stream.read(size):
        found += part
    assert found == b"".join(pieces)
