"""One card, and how a figure becomes one."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any, Literal

from msgspec import Struct

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of

#: Bytes of one card, and cards of one task, at most.
MAX_CARD_BYTES = 1 << 20
MAX_CARDS = 16


class Card(Struct, frozen=True):
    """A text that a task shows of itself.

    Attributes:
        name: distinguishes it from the others of its task.
        kind: whether the content is HTML, of which no script ever runs, or Markdown.
        content: a text.
    """

    name: str
    kind: Literal["html", "markdown"]
    content: str


def make_card(html: object, markdown: object, figure: object, name: object) -> Card:
    """Make a card of the one thing that is given.

    Raises:
        DefinitionError: nothing is given, or several, or it is none of these; or it is too large.
    """
    given = {"html": html, "markdown": markdown, "figure": figure}
    chosen = [each for each, value in given.items() if value is not None]
    if len(chosen) != 1:
        what = " and ".join(chosen) or "nothing"
        raise DefinitionError(f"current.card() takes one of html, markdown and figure; {what} was given")
    (kind,) = chosen
    if not isinstance(name, str) or not name.strip():
        raise DefinitionError(f"current.card(name=…) is a text, not {repr_of(name, SHORT_TEXT)}")
    content = html_of_figure(figure) if kind == "figure" else given[kind]
    if not isinstance(content, str):
        raise DefinitionError(
            f"current.card({kind}=…) is a text, not {repr_of(content, SHORT_TEXT)}; give a figure as figure="
        )
    try:
        name.encode()
        length = len(content.encode())
    except UnicodeEncodeError as error:
        raise DefinitionError(f"current.card({kind}=…, name={name!r}) cannot be encoded as UTF-8: {error}") from error
    if length > MAX_CARD_BYTES:
        raise DefinitionError(
            f"the card {name!r} has {length:,} bytes, of at most {MAX_CARD_BYTES:,}; store what is larger in an output"
        )
    return Card(name, "markdown" if kind == "markdown" else "html", content)


def html_of_figure(figure: Any) -> str:
    """Return a figure as HTML, by the methods that notebooks call, or by ``savefig`` of matplotlib.

    Raises:
        DefinitionError: it has none of them.
    """
    for method in ("_repr_svg_", "_repr_html_"):
        text = _called(figure, method)
        if isinstance(text, str):
            return text
    png = _called(figure, "_repr_png_")
    if isinstance(png, tuple):  # with metadata
        png = png[0]
    if png is None and callable(save := getattr(figure, "savefig", None)):
        buffer = BytesIO()
        save(buffer, format="png", bbox_inches="tight")
        png = buffer.getvalue()
    if isinstance(png, bytes):
        return f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
    raise DefinitionError(
        f"current.card(figure=…) takes what has _repr_svg_(), _repr_html_(), _repr_png_() or savefig(), not "
        f"{repr_of(figure, SHORT_TEXT)}"
    )


def _called(figure: Any, method: str) -> Any:
    found = None if isinstance(figure, type) else getattr(figure, method, None)
    return found() if callable(found) else None
