"""Whole scripts: what a user starts, measured from outside, from exec to exit.

What is to exist before is made once for each contestant, by the same script in a process of its own, and copied.
"""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import work
from benchmarks.contestant import HERE, Contestant, Ended, Question, Wrong, answer_of, run

#: Cases before which a fan exists.
AFTER_A_FAN = ("grow", "rerun")

Figure = Callable[[Ended], float]


@dataclass(frozen=True)
class Script:
    """A script that does the cases.

    Attributes:
        name: as it is shown.
        prepared: where what exists before is kept.
        peer: another engine, that is asked through ``benchmarks.protocol``; None for a script of ours, which takes
            plain arguments, since ``argparse`` alone takes longer than some cases.
    """

    name: str
    prepared: Path
    peer: Contestant | None = None

    def command(self, question: Question, directory: Path) -> list[str]:
        """Return the command line of the run that is measured."""
        asked = [question.case, str(question.size), str(directory), str(question.seconds), str(question.workers)]
        if self.peer is None:
            return [sys.executable, str(HERE / "scripts" / f"{_file_of(self.name)}.py"), *asked]
        names = ("--case", "--size", "--directory", "--seconds", "--workers")
        named = [part for pair in zip(names, asked, strict=True) for part in pair]
        return [self.peer.python, str(self.peer.script), *self.peer.options, *named, "--whole"]

    def measure(self, question: Question, figure: Figure, limit: float) -> Callable[[Path], float]:
        """For a contest: one figure of one run whose result is checked."""

        def measured(directory: Path) -> float:
            target = self.existing(question, directory, limit)
            ended = self.run(question, target, limit)
            return figure(ended)

        return measured

    def run(
        self, question: Question, directory: Path, limit: float, watched: Callable[[int], None] | None = None
    ) -> Ended:
        """Run it once.

        Raises:
            Unfit: it did not do it, or not rightly.
        """
        at_home = self.peer is None or self.peer.at_home
        ended = run(self.command(question, directory), limit, at_home, watched)
        value = answer_of(ended).get("value")
        if value is None:
            value = sum(pickle.loads(path.read_bytes()) for path in directory.rglob("*.pkl"))
        right = work.expected(question.case, question.size)
        if value != right:
            raise Wrong(f"wrong result: {value} instead of {right}")
        return ended

    def existing(self, question: Question, directory: Path, limit: float) -> Path:
        """A directory with what exists before."""
        if question.case not in AFTER_A_FAN:
            return directory
        kept = self.prepared / f"{_file_of(self.name)}-{question.size}"
        if not kept.exists():
            kept.mkdir(parents=True)
            try:
                self.run(Question("fan", question.size), kept, limit)
            except BaseException:
                shutil.rmtree(kept)
                raise
        return Path(shutil.copytree(kept, directory / "copy"))


def _file_of(name: str) -> str:
    return {"alexflow": "with_alexflow", "joblib": "with_joblib"}.get(name, name.replace(" ", "-"))


class PeakOfAll:
    """The most that a process and all its descendants together had in memory, shared pages counted in shares (PSS)."""

    def __init__(self) -> None:
        self.mib = 0.0

    def look(self, pid: int) -> None:
        """Add up what they have now."""
        self.mib = max(self.mib, sum(map(pss_mib, descendants(pid))))


def descendants(pid: int) -> list[int]:
    """A process and all that came from it and is not orphaned."""
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except OSError:  # it has ended
            pass
    return found


def pss_mib(pid: int) -> float:
    """Return a process's memory; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)
