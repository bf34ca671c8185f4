"""Each way to look at a run: nobody looks; the page in a process of its own; the page in the engine's process.

``python -m benchmarks seeing spans`` measures what OpenTelemetry costs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

VIEWERS = 20


class Child:
    """A program of this package, which prints lines and is told by lines."""

    def __init__(self, module: str, *arguments: object):
        command = [sys.executable, "-m", f"benchmarks.seeing.{module}", *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """Return its next line.

        Raises:
            RuntimeError: it has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}")
        return line

    def go(self) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Wait for its end."""
        self._process.communicate()


def measured(directory: Path, tasks: int, pace: int, way: str) -> dict[str, Any]:
    """Run tasks while the page is looked at, or not. Returns the figures of the engine, the server and the viewers."""
    engine = Child("engine", directory, tasks, pace, *(["page"] if way == "same process" else []))
    port = int(engine.line())
    server = Child("server", directory) if way == "own process" else None
    if server is not None:
        port = int(server.line())
    viewers = Child("viewers", port, VIEWERS) if port else None
    if viewers is not None:
        viewers.line()
    engine.go()
    if server is not None:
        server.go()
    found: dict[str, Any] = {"engine": json.loads(engine.line())}
    if server is not None:
        server.go()
        found["server"] = json.loads(server.line())
    if viewers is not None:
        found["viewers"] = json.loads(viewers.line())
    for child in (engine, server, viewers):
        if child is not None:
            child.end()
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a line for each way."""
    if arguments is not None and arguments[:1] == ["spans"]:
        from benchmarks.seeing.spans import main as spans  # deferred: it needs the SDK of OpenTelemetry

        return spans(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks seeing", description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--pace", type=int, nargs="+", default=[500, 5_000], help="tasks a second (500 5000)")
    parser.add_argument("--rounds", type=int, default=3, help="each way in turn, so often (3)")
    memory = Path("/dev/shm")
    parser.add_argument("--memory", type=Path, default=memory if memory.is_dir() else Path(tempfile.gettempdir()))
    options = parser.parse_args(arguments)
    for pace in options.pace:
        tasks = min(options.tasks, pace * 30)
        shares: list[float] = []
        for _ in range(options.rounds):
            engine: dict[str, dict[str, Any]] = {}
            for way in ("nobody looks", "own process", "same process"):
                with tempfile.TemporaryDirectory(dir=options.memory) as directory:
                    found = measured(Path(directory), tasks, pace, way)
                print(_line(pace, tasks, way, found), flush=True)
                engine[way] = found["engine"]
            shares.append(_share(engine["same process"]) - _share(engine["nobody looks"]))
        print(_page_line(pace, shares), flush=True)
    return 0


def _share(engine: dict[str, Any]) -> float:
    return float(engine["cpu"] / engine["took"])


def _page_line(pace: int, shares: list[float]) -> str:
    """The page's own share of the engine's process: what that takes more with it than without, in turn."""
    least, most = min(shares), max(shares)
    return (
        f"{pace:>6,} tasks/s: the page with {VIEWERS} viewers takes {median(shares):.2%} of a core of the engine's "
        f"process (median of {len(shares)} rounds, {least:.2%} to {most:.2%})"
    )


def _line(pace: int, tasks: int, way: str, found: dict[str, Any]) -> str:
    reached = tasks / found["engine"]["took"]
    parts = [f"{pace:>6,} tasks/s {way:13} ({reached:,.0f} reached)"]
    for name in ("engine", "server"):
        if name in found:
            of = found[name]
            longest = ", ".join(f"{each:.1f}" for each in of["longest"][:3])
            parts.append(
                f"{name} {of['cpu'] / of['took']:.1%} of a core, {of['over']} of {of['turns']:,} turns over 5 ms "
                f"({longest} …)"
            )
    if "viewers" in found:
        seen, took = found["viewers"], found["engine"]["took"]
        kilobytes = seen["bytes"] / VIEWERS / took / 1000
        parts.append(f"{VIEWERS} viewers: {kilobytes:.1f} kB/s each, {min(seen['messages'])} messages")
    return "; ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
