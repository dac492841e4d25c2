"""Access tokens: what is accepted, and all that is not."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eopiez_ray.errors import NotSignedInError
from eopiez_ray.gateway.identity.tokens import SigningKey, TokenForm, key_set, kid_of, now

FORM = TokenForm("https://eopiez.example.com")
KEY = SigningKey.new()
USER, SESSION = uuid4(), uuid4()


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token, some changed; None leaves one out."""
    good = {
        "iss": FORM.issuer, "aud": FORM.audience, "sub": str(USER), "sid": str(SESSION), "iat": now(),
        "exp": now() + timedelta(minutes=5), "jti": uuid4().hex,
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


def forged(said: dict[str, Any], **headers: Any) -> str:
    """A token with a right signature, whatever it says."""
    private = Ed25519PrivateKey.from_private_bytes(KEY.private)
    return jwt.encode(said, private, algorithm="EdDSA", headers={"typ": "at+jwt", "kid": KEY.kid} | headers)


def refused(token: str) -> None:
    with pytest.raises(NotSignedInError, match="do not hold") as caught:
        FORM.verify(token, KEY.public)
    assert not token or token not in str(caught.value)


def test_a_signed_token_says_who_and_which_session() -> None:
    token = FORM.sign(KEY, USER, SESSION, now())
    said = FORM.verify(token, KEY.public)
    assert (said.user_id, said.session_id, said.kid) == (USER, SESSION, kid_of(token))


def test_a_changed_token_is_refused_v5_0_0_9_1_1() -> None:
    head, body, signature = FORM.sign(KEY, USER, SESSION, now()).split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps(said | {"sub": str(uuid4())}).encode()).rstrip(b"=").decode()
    refused(f"{head}.{other}.{signature}")
    refused(f"{head}.{body}.{signature[:-4]}AAAA")
    refused(f"{head}.{body}.")


def test_other_algorithms_are_refused_v5_0_0_9_1_2() -> None:
    headers = {"typ": "at+jwt", "kid": KEY.kid}
    secret = Ed25519PublicKey.from_public_bytes(KEY.public).public_bytes_raw()
    refused(jwt.encode(claims(), secret, algorithm="HS256", headers=headers))
    refused(jwt.encode(claims(), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers=headers))
    refused(jwt.encode(claims(), "", algorithm="none", headers=headers))


def test_keys_that_the_token_brings_are_ignored_v5_0_0_9_1_3() -> None:
    thief = SigningKey.new()
    private = Ed25519PrivateKey.from_private_bytes(thief.private)
    own = key_set([(KEY.kid, thief.public)])["keys"][0]
    headers = {"typ": "at+jwt", "kid": KEY.kid, "jwk": own, "jku": "https://example.org/keys"}
    refused(jwt.encode(claims(), private, algorithm="EdDSA", headers=headers))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": now() - timedelta(minutes=1)},
        {"exp": None},
        {"iat": now() + timedelta(hours=1)},
        {"nbf": now() + timedelta(hours=1)},
    ],
)
def test_only_its_own_time_counts_v5_0_0_9_2_1(changes: dict[str, Any]) -> None:
    refused(forged(claims(**changes)))


@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", None, "AT+JWT "])
def test_only_access_tokens_are_accepted_v5_0_0_9_2_2(typ: str | None) -> None:
    refused(forged(claims(), typ=typ))


@pytest.mark.parametrize("changes", [{"aud": "others"}, {"aud": None}, {"iss": "https://example.org"}, {"iss": None}])
def test_tokens_of_or_for_others_are_refused_v5_0_0_9_2_3(changes: dict[str, Any]) -> None:
    refused(forged(claims(**changes)))


@pytest.mark.parametrize("changes", [{"sub": "anna"}, {"sid": None}, {"sid": 7}, {"jti": None}, {"sub": None}])
def test_tokens_without_user_or_session_are_refused(changes: dict[str, Any]) -> None:
    refused(forged(claims(**changes)))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 10_000, "\udcff.é.☃", "null.null.null", "e30.e30.e30"])
def test_nonsense_is_refused(token: str) -> None:
    refused(token)


def test_private_keys_are_not_shown() -> None:
    assert repr(KEY.private) not in repr(KEY)
    assert KEY.private.hex() not in repr(replace(KEY, kid="other"))


def test_published_keys_verify_what_was_signed() -> None:
    token = FORM.sign(KEY, USER, SESSION, now())
    published = jwt.PyJWKSet.from_dict(key_set([(KEY.kid, KEY.public)]))
    said = jwt.decode(token, published[kid_of(token)], algorithms=["EdDSA"], audience="eopiez")
    assert said["sub"] == str(USER)
    assert "d" not in key_set([(KEY.kid, KEY.public)])["keys"][0]
