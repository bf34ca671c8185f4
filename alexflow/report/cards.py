"""Cards of tasks in a page: each in a frame of its own, in which no script runs, and from which nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
_STYLE = "body{font:14px system-ui,sans-serif;margin:8px;color-scheme:light dark}img,svg{max-width:100%}"


def card_frames(cards: Sequence[Card]) -> Markup:
    """Return the cards of one task."""
    return element("div", *[_frame(card) for card in cards], class_="frames")


def digest_of(task_id: str) -> bytes:
    """Return the digest in a task's id."""
    return bytes.fromhex(task_id[-40:])


def cards_section(tasks: Iterable[tuple[str, Sequence[Card]]], fields: Mapping[bytes, str]) -> Markup | None:
    """Return a section with the cards of tasks, as many as there is room for; None if there are none.

    Args:
        tasks: ids, each with the task's cards.
        fields: the parameters of tasks in a line, by digest.
    """
    blocks: list[MarkupPart] = []
    room, left_out = MOST_CARD_BYTES, 0
    for task_id, cards in sorted(tasks):
        frames = card_frames(cards)
        if len(frames.encode()) > room:
            left_out += 1
            continue
        room -= len(frames.encode())
        cls, _, digest = task_id.rpartition(".")
        parameters = fields.get(digest_of(task_id), "")[:MOST_CHARACTERS]
        title = element("h3", f"{cls.rpartition('.')[2]} ", element("code", digest[:8]), " ", parameters)
        blocks.append(element("div", title, frames, class_="several" if len(cards) > 1 else None))
    parts: list[MarkupPart] = [element("div", *blocks, class_="cards")] if blocks else []
    if len(blocks) > MOST_OPEN:
        parts = [element("details", element("summary", f"The cards of {len(blocks):,} tasks"), *parts)]
    if left_out:
        parts.append(
            element("p", f"The cards of {left_out:,} more tasks are left out here; each task's page has them.")
        )
    return section("Cards", *parts, id="cards") if parts else None


def _frame(card: Card) -> Markup:
    page = joined(
        [
            Markup("<!doctype html>"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            Markup(f"<style>{_STYLE}</style>"),
            Markup(card.content) if card.kind == "html" else _rendered(card.content),
        ]
    )
    frame = element("iframe", sandbox="", srcdoc=page, title=card.name, class_="card", loading="lazy")
    return element("figure", element("figcaption", card.name), frame)


def _rendered(markdown: str) -> Markup:
    """Return Markdown as HTML, in which HTML is text; as it was written, if no library for it is installed."""
    if find_spec("markdown_it") is None:  # it comes with rich
        return element("pre", markdown)
    from markdown_it import MarkdownIt  # deferred: few reports have any

    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))
