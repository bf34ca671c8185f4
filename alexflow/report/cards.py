"""Cards of tasks in a page: each in a frame of its own, in which no script runs, and from which nothing is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec

from alexflow.cards.card import Card
from alexflow.report.markup import Markup, MarkupPart, element, joined, section

#: Bytes of the cards in one page; what is beyond is named.
MOST_CARD_BYTES = 1_500_000

#: Tasks whose cards are seen at once; those of more are folded.
MOST_OPEN = 24

#: Characters of a task's parameters above its cards.
MOST_CHARACTERS = 120

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:8px;color-scheme:light dark}img,svg{max-width:100%}"
    "table{border-collapse:collapse}td,th{padding:2px 14px 2px 0;text-align:left}"
)

#: Characters, and ends of lines, paragraphs and rows, of a card that has a low frame.
_BRIEF, _BRIEF_ENDS = 300, 4
_PICTURE = re.compile(r"<(?:img|svg)\b|!\[", re.IGNORECASE)
_ENDS = re.compile(r"\n\s*\S|<br|</(?:p|div|tr|li|h\d)>", re.IGNORECASE)


def card_frames(cards: Sequence[Card]) -> Markup:
    """Return the cards of one task."""
    return element("div", *[_frame(card) for card in cards], class_="frames")


def digest_of(task_id: str) -> bytes:
    """Return the digest in a task's id."""
    return bytes.fromhex(task_id[-40:])


def cards_section(tasks: Iterable[tuple[str, Sequence[Card]]], fields: Mapping[bytes, str]) -> Markup | None:
    """Return a section with the cards of tasks by their parameters, as many as there is room for; None for none.

    Args:
        tasks: ids, each with the task's cards.
        fields: the parameters of tasks in a line, by digest.
    """
    blocks: list[MarkupPart] = []
    room, left_out = MOST_CARD_BYTES, 0
    for cls, parameters, task_id, cards in sorted(_titled(tasks, fields), key=lambda each: _in_order(*each[:3])):
        frames = card_frames(cards)
        if len(frames.encode()) > room:
            left_out += 1
            continue
        room -= len(frames.encode())
        title = element("h3", f"{cls.rpartition('.')[2]} ", element("code", task_id[-40:-32]), " ", parameters)
        blocks.append(element("div", title, frames, class_="several" if len(cards) > 1 else None))
    parts: list[MarkupPart] = [element("div", *blocks, class_="cards")] if blocks else []
    if len(blocks) > MOST_OPEN:
        parts = [element("details", element("summary", f"The cards of {len(blocks):,} tasks"), *parts)]
    if left_out:
        parts.append(
            element("p", f"The cards of {left_out:,} more tasks are left out here; each task's page has them.")
        )
    return section("Cards", *parts, id="cards") if parts else None


def _titled(
    tasks: Iterable[tuple[str, Sequence[Card]]], fields: Mapping[bytes, str]
) -> Iterator[tuple[str, str, str, Sequence[Card]]]:
    for task_id, cards in tasks:
        yield task_id.rpartition(".")[0], fields.get(digest_of(task_id), "")[:MOST_CHARACTERS], task_id, cards


def _in_order(cls: str, parameters: str, task_id: str) -> tuple[str, list[str], str]:
    """Return a key by which n=2 comes before n=10."""
    return cls, [each.zfill(20) if each.isdecimal() else each for each in re.split(r"(\d+)", parameters)], task_id


def _frame(card: Card) -> Markup:
    page = joined(
        [
            Markup("<!doctype html>"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            Markup(f"<style>{_STYLE}</style>"),
            Markup(card.content) if card.kind == "html" else _rendered(card.content),
        ]
    )
    kind = "card brief" if _is_brief(card.content) else "card"
    frame = element("iframe", sandbox="", srcdoc=page, title=card.name, class_=kind, loading="lazy")
    return element("figure", element("figcaption", card.name), frame)


def _is_brief(content: str) -> bool:
    """Return whether a low frame suffices, in which a longer text scrolls: no script in a frame says how high it is."""
    text = content.strip()
    return len(text) <= _BRIEF and len(_ENDS.findall(text)) <= _BRIEF_ENDS and not _PICTURE.search(text)


def _rendered(markdown: str) -> Markup:
    """Return Markdown as HTML, in which HTML is text; as it was written, if no library for it is installed."""
    if find_spec("markdown_it") is None:  # it comes with rich
        return element("pre", markdown)
    from markdown_it import MarkdownIt  # deferred: few reports have any

    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))
