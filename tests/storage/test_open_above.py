"""Files of a storage are never standard input, output or error, and are linked from this process's own descriptors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from alexflow import LocalStorage
from alexflow.storage.local.new_file import open_new

storage = LocalStorage(sys.argv[1])
storage.prepare()
{before}
storage.write("key", b"x" * 10)
with storage.writer("stream") as stream:
    stream.write(b"y" * 10)
    try:
        os.write(1, b"printed")
    except OSError:
        assert {closes}
with storage.path("file", "w") as path:
    with open(path, "wb") as file:
        number = file.fileno()
        file.write(b"z" * 10)
assert number > 2, number
assert [storage.read(key) for key in ("key", "stream", "file")] == [b"x" * 10, b"y" * 10, b"z" * 10]
"""


def run(tmp_path, before, closes=False):
    program = PROGRAM.format(before=before, closes=closes)
    subprocess.run([sys.executable, "-c", program, tmp_path / "results"], check=True, timeout=60)


@pytest.mark.parametrize("closed", ["0", "1", "2", "0, 1, 2"])
def test_standard_descriptors_are_closed(closed, tmp_path):
    run(tmp_path, f"[os.close(fd) for fd in ({closed},)]", closes="1" in closed)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
@pytest.mark.parametrize("put", ["closed", "directory", "directory with numbers", "file"])
def test_the_directory_of_descriptors_is_taken_away(put, tmp_path):
    """Somebody closes it, and its number becomes another file's."""
    (tmp_path / "numbers" / "fd").mkdir(parents=True)
    for number in range(64):
        (tmp_path / "numbers" / str(number)).write_text("wrong file")
    other = {"closed": "", "file": "/etc/hostname", "directory": str(tmp_path)}.get(put, str(tmp_path / "numbers"))
    run(
        tmp_path,
        f"""
storage.write("first", b"opens it")
for fd in range(3, 64):
    try:
        name = os.readlink(f"/proc/self/fd/{{fd}}")
    except OSError:
        continue
    if name.startswith("/proc/"):
        os.close(fd)
        if {other!r}:
            new = os.open({other!r}, os.O_RDONLY)
            if new != fd:
                os.dup2(new, fd)
                os.close(new)
""",
    )
