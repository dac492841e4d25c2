"""A real object store that speaks S3, for tests: SeaweedFS, on loopback alone."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from .waiting import wait_until

KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests", "AWS_EC2_METADATA_DISABLED": "true"}


def program() -> str | None:
    """Where the store's program is: beside Python, or on the path."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


needs_objects = pytest.mark.skipif(program() is None, reason="it takes SeaweedFS (weed)")


@contextmanager
def object_store(folder: Path) -> Iterator[str]:
    """The port of a store whose data is in a folder."""
    ports = _free_ports(4)
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    command = [
        str(program()), "-logtostderr=true", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={ports[0]}", f"-volume.port={ports[1]}", "-filer", f"-filer.port={ports[2]}",
        "-s3", f"-s3.port={ports[3]}", f"-s3.config={folder / 's3.json'}", "-volume.max=200",
        "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        wait_until(lambda: _answers(ports[3]))
        yield str(ports[3])
    finally:
        process.kill()  # It would take its time to end, for data that nobody needs any more.
        process.wait()


def bucket(port: str, name: str, path: str) -> str:
    """The URL of a folder in a bucket, which is made if need be."""
    import pyarrow.fs as pafs

    options = f"endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    made, _ = pafs.FileSystem.from_uri(f"s3://{name}?{options}&allow_bucket_creation=true")
    made.create_dir(name)
    return f"s3://{name}/{path}?{options}"


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


def _free_ports(count: int) -> list[int]:
    """Ports on which nothing listens, nor on those 10,000 above, where the store has its other side."""
    found: list[int] = []
    for port in random.sample(range(12_000, 19_000), 7000):
        if _is_free(port) and _is_free(port + 10_000):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
