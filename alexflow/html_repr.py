"""Compact HTML of alexflow's objects, as notebooks show the value of a cell.

It is made of texts only: each is cut, escaped, and of characters that every encoder takes. A method under
:func:`shown_safely` never raises, whatever the ``__repr__`` of a user's object does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from itertools import islice
from typing import Any, TypeVar

S = TypeVar("S")

#: Limits, so that an output of a notebook stays small.
MAX_CELL = 300  # characters
MAX_ROWS = 20
MAX_BLOCK = 20_000  # characters


def shown_safely(make: Callable[[S], str]) -> Callable[[S], str]:
    """Let a ``_repr_html_`` give the name of the class where it would raise."""

    @wraps(make)
    def safe(self: S) -> str:
        try:
            return make(self)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # of the user's, in whatever the object holds
            name, reason = _name_of(type(self)), _name_of(type(error))
            return f"<code>{_escaped(name)}</code>, which cannot be shown: {_escaped(reason)}"

    return safe


def html_table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns; of many rows it has the first ones, and says that there are more.

    Args:
        title: above the table.
        rows: name and value.
    """
    given = list(islice(rows, MAX_ROWS + 1))
    cells = "".join(
        f"<tr><th style='text-align:left'>{_escaped(name)}</th>"
        f"<td style='text-align:left'><code>{_escaped(value)}</code></td></tr>"
        for name, value in given[:MAX_ROWS]
    )
    more = "<tr><th></th><td style='text-align:left'>…</td></tr>" if len(given) > MAX_ROWS else ""
    return f"<table><caption style='text-align:left'><b>{_escaped(title)}</b></caption>{cells}{more}</table>"


def html_text(text: str) -> str:
    """A text of several lines."""
    return f"<pre>{_escaped(text, MAX_BLOCK)}</pre>"


def shown(value: Any) -> str:
    """``repr(value)``, or why there is none."""
    try:
        return repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # of the user's
        return f"<{_name_of(type(value))}: its repr() raised {_name_of(type(error))}>"


def _escaped(text: str, limit: int = MAX_CELL) -> str:
    from html import escape  # deferred: notebooks need it only

    text = str.__str__(text)
    if len(text) > limit:
        text = f"{text[: limit // 2]} … {text[-limit // 2 :]}"
    return escape(text.encode("utf-8", "backslashreplace").decode())


def _name_of(cls: type) -> str:
    return str(type.__dict__["__qualname__"].__get__(cls))  # without asking a metaclass
