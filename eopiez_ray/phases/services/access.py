"""How a worker reaches services: the gateway's URL, and a key for each project, both given to its process."""

from __future__ import annotations

import json
import os
import ssl
import stat
from pathlib import Path

from eopiez_ray.errors import ParameterError
from eopiez_ray.tls import AUTHORITIES, trusting

URL = "EOPIEZ_SERVICES_URL"
"""The variable with the gateway's URL."""
KEYS = "EOPIEZ_SERVICES_KEYS"
"""The variable with the path of a JSON file: an API key for each project, by its name."""


def gateway_url() -> str:
    """Where the gateway is.

    Raises:
        ParameterError: the worker does not know.
    """
    url = os.environ.get(URL, "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ParameterError(f"this worker cannot call services: set {URL} to the gateway's URL where workers start")
    return url


def trusted() -> ssl.SSLContext | bool:
    """Whose certificates are trusted: those of well-known authorities, and of the file in ``EOPIEZ_CA_FILE``.

    Raises:
        CertificateError: the file holds no authorities.
    """
    file = os.environ.get(AUTHORITIES)
    return trusting(Path(file)) if file else True


def key_of(project: str) -> str:
    """The key with which the project's services are called; the file is read anew, so that keys can be replaced.

    Raises:
        ParameterError: there is none, or others may read it.
    """
    path = os.environ.get(KEYS, "")
    hint = f"{KEYS} names a JSON file with an operator's API key for each project"
    try:
        mode, keys = Path(path).stat().st_mode, json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"this worker cannot read its keys for services ({type(error).__name__}): {hint}"
        ) from error
    if mode & stat.S_IRWXO:
        raise ParameterError(f"everybody can read {path}, which holds keys: give it the mode 600")
    key = keys.get(project) if isinstance(keys, dict) else None
    if not isinstance(key, str) or not key.isascii() or not key.isprintable():
        raise ParameterError(f"this worker has no key for services of project {project!r}: {hint}")
    return key
