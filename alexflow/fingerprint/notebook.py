"""The source of a notebook or an interactive session, which is in no file."""

from __future__ import annotations

import linecache
import re
import sys

_CELL_OF_REPL = re.compile(r"<python-input-(\d+)>")  # Python 3.13 and later


def session_source() -> bytes | None:
    """Return all that has been entered, in order; None if that is not known."""
    cells = _cells_of_ipython()
    if cells is None:
        cells = _cells_of_repl()
    return "\n".join(cell for cell in cells if _is_python(cell)).encode() if cells else None


def _cells_of_ipython() -> list[str] | None:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return None
    try:
        return [shell.transform_cell(cell) for cell in shell.user_ns["In"][1:]]
    except Exception:  # of a transformation that an extension has registered
        return None


def _cells_of_repl() -> list[str]:
    numbered = [(int(match[1]), name) for name in linecache.cache if (match := _CELL_OF_REPL.fullmatch(name))]
    return ["".join(linecache.getlines(name)) for _, name in sorted(numbered)]


def _is_python(cell: str) -> bool:
    try:
        compile(cell, "<cell>", "exec", dont_inherit=True, flags=_AWAIT_AT_TOP_LEVEL)
    except (SyntaxError, ValueError):
        return False
    return True


_AWAIT_AT_TOP_LEVEL = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
