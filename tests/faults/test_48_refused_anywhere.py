"""48: ENOSPC and EACCES at any call of any phase: StorageFull or StorageDenied, with the path, in one attempt."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from alexflow import LocalStorage
from tests.faults.disks import keys_in, small_disk
from tests.faults.publisher import Publisher
from tests.faults.refused_process import DENIED, DONE, FULL, OLD, OTHER, RAW, WAYS, WITHOUT_PATH, fill

#: Calls that a full disk, or a missing permission, refuses.
REFUSED = {
    "ENOSPC": {"openat", "mkdir", "link", "linkat", "rename", "write", "fsetxattr", "ftruncate", "fsync", "pwrite64"},
    "EACCES": {"openat", "mkdir", "link", "linkat", "rename", "unlink", "rmdir", "fsetxattr", "chmod", "utimensat"},
}


class Refused(Publisher):
    """A process whose children do something with a storage each, while strace refuses them something."""

    def __init__(self, what: str):
        super().__init__("", 0, ())
        self.process.kill()
        self.process.communicate()
        command = [sys.executable, "-m", "tests.faults.refused_process", what]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


@pytest.fixture
def disk():
    """A directory of its own, whose path is of constant length."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def filled(path: Path) -> LocalStorage:
    storage = LocalStorage(path)
    fill(storage)
    return storage


@pytest.mark.parametrize("what", WAYS)
def test_each_call_of_each_phase(disk, what):
    with Refused(what) as process:
        trace = disk / "trace"
        process.publish(filled(disk / "first"), "-o", str(trace))
        calls = Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace.read_text(), re.MULTILINE))
        for number, (name, call, nth) in enumerate(all_refusals(calls)):
            storage = filled(disk / f"s{number}")
            code = process.publish(storage, "-o", "/dev/null", "-e", f"inject={call}:error={name}:when={nth}")
            said = f"{call} {nth} of {calls[call]}: {name}"
            assert code not in (RAW, OTHER, WITHOUT_PATH), said
            if code != DONE and call != "openat":
                assert code == {"ENOSPC": FULL, "EACCES": DENIED}[name], said
            check_nothing_is_harmed(storage, what)


def all_refusals(calls: Counter[str]) -> list[tuple[str, str, int]]:
    """Each error at each call that it may meet, the first time, the second time, and so on."""
    return [
        (error, call, nth) for error in REFUSED for call in sorted(REFUSED[error]) for nth in range(1, calls[call] + 1)
    ]


def check_nothing_is_harmed(storage: LocalStorage, what: str) -> None:
    """Outputs of before are there and whole, and new ones are complete or absent."""
    if what not in ("remove", "cache"):
        assert storage.read("old") == OLD
    if "dir/key" in storage.exists_many(["dir/key"]):
        assert storage.examine("dir/key").verdict in ("good", "unrecorded")
        assert set(storage.read("dir/key")) in ({ord("0")}, {ord("1")})


# -- on real disks


@pytest.mark.parametrize("options", ["size=1m", "size=4m,nr_inodes=12"], ids=["bytes", "inodes"])
def test_a_task_fails_once(tmp_path, options, log):
    """Whatever way it stores in: it runs once, and its error has the path."""
    with small_disk(tmp_path / "disk", options) as disk:
        storage = LocalStorage(disk)
        storage.write("before", b"1")
        take_all(disk)
        for kind in ("Small", "Streamed", "ByPath", "OnLoop"):
            log.write_text("")
            told = run_apart(disk, kind, log)
            ran = log.read_text().split()
            if not ran:  # nothing at all fits: it is told before
                assert told[0].startswith(f"alexflow.errors.StorageFull: cannot write in {disk}: No space left"), told
                continue
            assert told[0] == "1 StorageFull ENOSPC True", (kind, told)
            assert ran == [kind]
        assert keys_in(disk) - {"fill"} - {f"i{n}" for n in range(100)} == {"before"}
        assert storage.read("before") == b"1"


def take_all(disk: Path) -> None:
    """Leave room for the process's lock file, and for nothing else."""
    try:
        for number in range(100):
            (disk / f"i{number}").touch()
            if number > 90:
                break
    except OSError:
        os.unlink(disk / f"i{number - 1}")
    with open(disk / "i0", "ab", buffering=0) as file:
        for block in (65536, 4096, 1):
            try:
                while file.write(b"f" * block):
                    pass
            except OSError:
                pass


def run_apart(disk: Path, kind: str, log: Path) -> list[str]:
    code = f"""
import alexflow, errno, sys
from alexflow import LocalStorage, Retry
from tests.faults.refused_tasks import *
result = alexflow.run({kind}({str(log)!r}), storage=LocalStorage({str(disk)!r}), workers=1, echo=False, progress=False,
    on_error="continue", retry=Retry(3, delay=0), lease_ttl=None, executor="thread")
for failed in result.failures:
    cause = failed.__cause__
    print(failed.attempts, type(cause).__name__, errno.errorcode[cause.errno], cause.path.startswith({str(disk)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() or done.stderr.splitlines()[-1:]
