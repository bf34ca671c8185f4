"""``report``, ``trace`` and ``watch``, on records of runs that are over, go on, and were killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from alexflow import LocalStorage
from alexflow.cli.program import main
from tests.timeline.recorded_runs import RUN, WrittenRun


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    WrittenRun(200, 3, failing=0.05, seed=1).write(LocalStorage(tmp_path / "results"))
    return tmp_path


def test_report_and_trace_write_files(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storage = ["--storage", str(place / "results")]
    assert main(["report", "2026", "-o", str(place / "r.html"), *storage]) == 0
    assert main(["trace", "-o", str(place / "t.json"), *storage]) == 0
    printed = capsys.readouterr().out
    assert RUN in printed
    assert "ui.perfetto.dev" in printed
    assert "<!doctype html>" in (place / "r.html").read_text()
    assert json.loads((place / "t.json").read_text())["otherData"]["run"] == RUN
    assert not list(place.glob("*.partial"))


@pytest.mark.parametrize("command", ["report", "trace"])
def test_wrong_use_is_said_in_a_line(place: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    storage = ["--storage", str(place / "results")]
    assert main([command, "2031", "-o", str(place / "x.json"), *storage]) == 2
    assert "no run '2031'" in capsys.readouterr().err
    assert main([command, "-o", str(place / "no" / "x.json"), *storage]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["x.txt", "x", "x.json.gz"])
def test_a_trace_of_another_ending_is_refused(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["trace", "-o", str(place / name), "--storage", str(place / "results")]) == 2
    assert f"{name}: a trace ends in .json or .pftrace" in capsys.readouterr().err
    assert not (place / name).exists()


def test_watch_shows_a_run_that_is_over(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--storage", str(place / "results")]) == 1  # tasks failed
    printed = capsys.readouterr().out
    assert printed.startswith(f"{RUN}: failed: ")
    assert "Class0" in printed
    assert printed.count("ValueError: no <i>luck</i>") == 5
    more = len(WrittenRun(200, 3, failing=0.05, seed=1).failed) - 5
    assert f"\nand {more} more failed attempts: alexflow log {RUN}\n" in printed


@pytest.mark.parametrize(("command", "code"), [("watch", 1), ("runs", 0), ("log", 0)])
def test_a_run_whose_engine_is_gone_was_killed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, code: int
) -> None:
    (file,) = place.rglob("*.segment")
    file.write_bytes(file.read_bytes()[:-3_000])
    monkeypatch.setattr("alexflow.record.engine_process.socket.gethostname", lambda: "machine")
    monkeypatch.setattr("alexflow.record.engine_process.os.kill", _refusing)
    assert main([command, "--storage", str(place / "results")]) == code
    assert re.search(rf"^{RUN}.* was killed", capsys.readouterr().out, re.MULTILINE)


def _refusing(pid: int, signal: int) -> None:
    raise ProcessLookupError


def test_watch_once_and_as_json(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["watch", "--once", "--json", "--storage", str(place / "results")]) == 1
    data = json.loads(capfdbinary.readouterr().out)
    assert data["run"] == RUN
    assert data["under_way"] == []
    written = WrittenRun(200, 3, failing=0.05, seed=1)
    assert sum(row["done"] for row in data["classes"]) == len(written.completions)


LIVE = """
import asyncio, sys
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task

@dataclass(frozen=True)
class Wait(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[int], key="x.json")
    async def run(self, input, output):
        await output.astore(self.n)
        if self.n:
            print("began", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

alexflow.run([Wait(0), Wait(1)], storage=sys.argv[1], progress=False)
"""


@pytest.mark.processes
def test_watch_follows_a_run_of_another_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(LIVE)
    storage = str(tmp_path / "st")
    program = subprocess.Popen(
        [sys.executable, script, storage], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "began\n"
    watching = subprocess.Popen(
        [sys.executable, "-m", "alexflow", "watch", "--storage", storage], stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    first = watching.stdout.readline()
    assert ": goes on: " in first
    assert "under way" in first
    program.communicate("\n")
    rest, _ = watching.communicate()
    assert watching.returncode == 0
    assert ": done: 2 done" in rest


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_serve_refuses_a_port_that_is_none(place: Path, capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert main(["serve", "--port", port, "--storage", str(place / "results")]) == 2
    assert f"--port {port}: a port is a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.processes
def test_serve_answers_until_it_is_interrupted(place: Path) -> None:
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "alexflow", "serve", "--port", "0", "--storage", str(place / "results")]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    address = serving.stdout.readline().split()[-1]
    with urlopen(address) as answer:
        assert RUN in answer.read().decode()
    port = address.rstrip("/").rpartition(":")[2]
    taken = subprocess.run([*command[:5], port, *command[6:]], capture_output=True, text=True, check=False)
    assert taken.returncode == 2
    assert "choose another --port" in taken.stderr
    serving.send_signal(signal.SIGINT)
    _, errors = serving.communicate()
    assert "Traceback" not in errors
