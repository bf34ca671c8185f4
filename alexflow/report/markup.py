"""HTML made of elements. Every text is escaped where it goes in, so that no parameter, print or name becomes markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

#: Elements that have no end, of HTML; those of SVG end in themselves.
_VOID = frozenset({"br", "img", "meta", "link", "input"})
_IN_ITSELF = frozenset({"path", "rect"})


class Markup(str):
    """A text that is HTML already. Only this package makes them."""

    __slots__ = ()


#: What an element may hold: texts, which are escaped, and markup.
MarkupPart = str | Markup | None


def element(name: str, /, *content: MarkupPart, **attributes: str | bool | None) -> Markup:
    """Return an element.

    Args:
        name: of the element.
        content: what is in it.
        attributes: by name, an underscore for a dash, and one more at the end of a word of Python's. True has no value;
            None is left out.
    """
    given = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in _IN_ITSELF:
        return Markup(f"<{name}{given}/>")
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(content)}</{name}>")


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def joined(content: Iterable[MarkupPart]) -> Markup:
    """Return several one after the other."""
    return Markup("".join(each if isinstance(each, Markup) else escape(each) for each in content if each is not None))


def table(columns: Sequence[str], rows: Iterable[Sequence[MarkupPart]], *, left: int = 1, caption: str = "") -> Markup:
    """Return a table in a box that scrolls by itself.

    Args:
        columns: their names.
        rows: as many cells each.
        left: how many columns are texts; the others are figures, aligned at their right.
        caption: a line above it.
    """
    heads = [
        element("th", name, scope="col", class_=None if at < left else "number") for at, name in enumerate(columns)
    ]
    lines = [
        element("tr", *[element("td", cell, class_=None if at < left else "number") for at, cell in enumerate(row)])
        for row in rows
    ]
    parts = [element("thead", element("tr", *heads)), element("tbody", *lines)]
    if caption:
        parts.insert(0, element("caption", caption))
    label = f"Table: {', '.join(columns)}"
    return element("div", element("table", *parts), class_="scrolls", tabindex="0", role="group", aria_label=label)


def section(title: str, *content: MarkupPart, id: str) -> Markup:
    """Return a section with its heading."""
    return element("section", element("h2", title, id=f"{id}-title"), *content, id=id, aria_labelledby=f"{id}-title")
