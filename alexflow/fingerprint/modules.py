"""``Modules``: the summaries of first-party modules, read and made as they are needed."""

from __future__ import annotations

import os

from alexflow.fingerprint.origins import Origin, Origins
from alexflow.fingerprint.summarize import summarize
from alexflow.fingerprint.summary import CODE_DIGEST_SIZE, ModuleSummary, opaque_summary
from alexflow.identity.blake2 import blake2b

COMPILED = "compiled code"
UNREADABLE_FILE = "a file that cannot be read"

#: Digest of a module's bytes, and its summary.
Summarized = tuple[str, ModuleSummary]


class Modules:
    """The first-party modules of a program.

    Args:
        origins: finds them.
        summaries: summaries of before, by module; those of other bytes are replaced.
        given: sources that are in no file, by module: the cells of a notebook.

    Attributes:
        summaries: all summaries, those of before included.
        files: digest of the content of each file that was read, by path.
        parsed: number of modules for which there was no summary.
    """

    def __init__(
        self, origins: Origins, summaries: dict[str, Summarized] | None = None, given: dict[str, bytes] | None = None
    ):
        self.origins = origins
        self.summaries = summaries if summaries is not None else {}
        self.files: dict[str, str] = {}
        self.parsed = 0
        self._given = given or {}
        self._read: dict[str, ModuleSummary | None] = {}

    def exists(self, name: str) -> bool:
        """Whether there is a first-party module of this name."""
        return name in self._given or self.origins.find(name) is not None

    def summary(self, name: str) -> ModuleSummary | None:
        """Return the summary of a module; None if it is not first-party."""
        if name not in self._read:
            self._read[name] = self._summary(name)
        return self._read[name]

    def longest(self, path: tuple[str, ...]) -> int:
        """Return how many parts of a dotted path are the name of a module; 0 if it begins with none."""
        for length in range(len(path), 0, -1):
            if self.exists(".".join(path[:length])):
                return length
        return 0

    def _summary(self, name: str) -> ModuleSummary | None:
        if name in self._given:
            return summarize(name, self._given[name], loose=True)
        origin = self.origins.find(name)
        if origin is None:
            return None
        if not origin.path:
            return ModuleSummary(name, tuple(name.split(".")))
        content = _content(origin)
        if content is None:
            return opaque_summary(name, b"", UNREADABLE_FILE)
        digest = content_digest(content)
        self.files[origin.path] = digest
        before = self.summaries.get(name)
        if before is None or before[0] != digest:
            self.parsed += 1
            self.summaries[name] = before = (digest, _summarized(name, origin, content))
        return before[1]


def _summarized(name: str, origin: Origin, content: bytes) -> ModuleSummary:
    if not origin.path.endswith(".py") and os.path.splitext(origin.path)[1] in (".so", ".pyd", ".pyc"):
        return opaque_summary(name, content, COMPILED)
    return summarize(name, content, is_package=origin.is_package)


def _content(origin: Origin) -> bytes | None:
    try:
        with open(origin.path, "rb") as file:
            return file.read()
    except OSError:
        pass
    try:  # inside an archive
        return bytes(origin.loader.get_data(origin.path))
    except Exception:  # of a loader of another package, or gone
        return None


def content_digest(content: bytes) -> str:
    """Return the digest of the content of a file."""
    return blake2b(content, digest_size=CODE_DIGEST_SIZE).hexdigest()
