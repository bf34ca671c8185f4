"""Certificates, each an authority of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Two self-signed certificates, each an authority of its own: ``(cert, key)`` by name."""
    if OPENSSL is None:
        pytest.skip("there is no openssl")
    place = tmp_path_factory.mktemp("certificates")
    return {name: self_signed(place, name) for name in ("ours", "theirs")}


def self_signed(place: Path, name: str) -> tuple[str, str]:
    cert, key = str(place / f"{name}.pem"), str(place / f"{name}.key")
    command = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", f"/CN={name}", "-days", "2", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key
