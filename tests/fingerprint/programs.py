"""Small programs in folders, and the fingerprints of what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from alexflow.fingerprint import Fingerprint
from alexflow.fingerprint.linking import link

_EDIT = re.compile("«(.*?)→(.*?)»", re.DOTALL)


class Case(NamedTuple):
    name: str
    changes: bool
    files: dict[str, str]

    def before(self) -> dict[str, str]:
        return {path: _EDIT.sub(r"\1", text) for path, text in self.files.items()}

    def after(self) -> dict[str, str]:
        return {path: _EDIT.sub(r"\2", text) for path, text in self.files.items()}


def cases() -> Iterator[Case]:
    _, *parts = re.split(r"^== ", Path(__file__).with_name("cases.txt").read_text(), flags=re.MULTILINE)
    for part in parts:
        title, *files = re.split(r"^--- ", part, flags=re.MULTILINE)
        name, _, outcome = title.strip().rpartition(": ")
        yield Case(name, {"changes": True, "stays": False}[outcome], dict(_file(file) for file in files))


def _file(text: str) -> tuple[str, str]:
    path, _, content = text.partition("\n")
    return path, content


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def fingerprint(files: dict[str, str], folder: Path, name: str = "") -> Fingerprint:
    """The fingerprint of ``run`` or ``A`` in task.py; the folder has to be on the search path."""
    write(folder, files)
    return link("task", name or ("A" if "class A" in files["task.py"] else "run"), {}).fingerprint
