"""Master keys: given, in a file that changes, behind a command; keys on their way to workers."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from eopiez_ray.encryption.delivery import Recipient, sent_to
from eopiez_ray.encryption.keys import DataKey
from eopiez_ray.encryption.masters import GivenKeys, KeyService, Wrapped, encryption_of
from eopiez_ray.errors import MasterKeyError, ParameterError, SealDamagedError

SECRET = os.urandom(32)
SERVICE = """
import base64, pathlib, sys
verb, *rest = sys.argv[1:]
mask = bytes(range(32))
if verb == "current":
    print("hsm-1")
elif rest[1] == "refused":
    sys.exit("this caller may not use the key")
else:
    given = base64.b64decode(sys.stdin.read())
    print(base64.b64encode(bytes(one ^ other for one, other in zip(given, mask))).decode())
"""


def line(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


def test_a_wrapped_key_comes_back_at_its_place_alone() -> None:
    masters = GivenKeys(line("m1"))
    wrapped = masters.wrap(SECRET, "key 1")
    assert wrapped.master == "m1"
    assert SECRET not in wrapped.secret
    assert masters.unwrap(wrapped, "key 1") == SECRET
    with pytest.raises(MasterKeyError, match="key 2"):
        masters.unwrap(wrapped, "key 2")


def test_a_missing_master_key_is_named_with_what_to_do() -> None:
    wrapped = GivenKeys(line("m1")).wrap(SECRET, "key 1")
    with pytest.raises(MasterKeyError, match=r"'m1' is missing.*EOPIEZ_ENCRYPTION_KEY_FILE"):
        GivenKeys(line("m2")).unwrap(wrapped, "key 1")


def test_another_master_key_of_the_same_name_is_refused() -> None:
    wrapped = GivenKeys(line("m1")).wrap(SECRET, "key 1")
    with pytest.raises(MasterKeyError, match="not the one"):
        GivenKeys(line("m1")).unwrap(wrapped, "key 1")


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file, old, new = tmp_path / "keys", line("old"), line("new")
    file.write_text(f"# master keys\n{old}\n")
    masters = GivenKeys(file)
    wrapped = masters.wrap(SECRET, "key 1")
    file.write_text(f"{new}\n{old}  # until all is wrapped again\n")
    os.utime(file, ns=(1, 1))
    assert masters.current() == "new"
    assert masters.unwrap(wrapped, "key 1") == SECRET


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no master key"),
        ("m1", "key 1"),
        ("m1:short", "32 random bytes"),
        (":" + base64.b64encode(SECRET).decode(), "write a name"),
        (f"{line('m1')},{line('m1')}", "two master keys named 'm1'"),
    ],
    ids=["nothing", "a name alone", "too short", "no name", "twice"],
)
def test_what_is_no_master_key_is_refused_without_showing_it(text: str, told: str) -> None:
    with pytest.raises(MasterKeyError, match=told) as caught:
        GivenKeys(text)
    assert base64.b64encode(SECRET).decode() not in str(caught.value)


def test_a_key_service_wraps_by_its_command(tmp_path: Path) -> None:
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    service = KeyService(f"{sys.executable} {script}")
    wrapped = service.wrap(SECRET, "key 1")
    assert wrapped.master == "hsm-1"
    assert wrapped.secret != SECRET
    assert service.unwrap(wrapped, "key 1") == SECRET
    with pytest.raises(MasterKeyError, match="this caller may not use the key"):
        service.unwrap(Wrapped("hsm-1", b"x"), "refused")


def test_a_key_service_that_is_not_there_is_named() -> None:
    with pytest.raises(MasterKeyError, match="nowhere-to-be-found"):
        KeyService("nowhere-to-be-found").current()


def test_master_keys_come_one_way_alone(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="exclude each other"):
        encryption_of(line("m1"), tmp_path / "keys", None, True)
    assert encryption_of(None, None, None, True).masters is None


def test_keys_on_their_way_are_read_by_their_recipient_alone() -> None:
    keys = [DataKey(os.urandom(16), "blue", SECRET)]
    one, other = Recipient(), Recipient()
    sent = sent_to(one.public, keys)
    assert SECRET not in sent
    assert one.received(sent) == keys
    with pytest.raises(SealDamagedError):
        other.received(sent)
    with pytest.raises(SealDamagedError):
        one.received(sent[:-1])
