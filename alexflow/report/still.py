"""A still picture of a timeline, for readers without JavaScript and for print: a PNG with a palette, transparent."""

from __future__ import annotations

import struct
import zlib
from colorsys import hls_to_rgb

from alexflow.timeline.fold import GIVEN_UP, RETRIED, TimelineFold

#: Pixels from left to right.
WIDTH = 1200

#: Rows at most: beyond, a row shows several lanes, the later ones above the earlier.
MOST_ROWS = 320

_HUES = (212, 36, 145, 275, 188, 55, 310, 95, 240, 168)
_FAILURE = (207, 34, 46)
_MOST_COLOURS = 250


def class_colour(cls: int) -> tuple[int, int, int]:
    """Return the colour of a class, as timeline.js has it: no reds, which are for failures."""
    hue = (_HUES[cls % 10] + cls // 10 * 17) % 330 + 15
    lightness = (0.5, 0.62, 0.42)[cls // 10 % 3]
    return tuple(round(255 * part) for part in hls_to_rgb(hue / 360, lightness, 0.58))  # type: ignore[return-value]


def css_colour(cls: int) -> str:
    """Return the colour of a class for a style sheet."""
    return "#" + "".join(f"{part:02x}" for part in class_colour(cls))


def still_png(timeline: TimelineFold) -> tuple[bytes, int]:
    """Return the picture, and how many pixels it is high: one a lane."""
    lanes = timeline.ordered_lanes()
    group = max(1, -(-len(lanes) // MOST_ROWS))
    rows = [bytearray(WIDTH) for _ in range(max(1, -(-len(lanes) // group)))]
    scale = WIDTH / max(1, timeline.end)
    for at, lane in enumerate(lanes):
        row, columns = rows[at // group], lane.columns()
        failures = []
        for start, took, cls, state in zip(columns.start, columns.took, columns.cls, columns.state, strict=True):
            first = min(max(0, int(start * scale)), WIDTH - 1)  # a clock that is set back leaves the picture
            last = min(WIDTH, max(first, int((start + took) * scale)) + 1)
            row[first:last] = bytes([1 + cls % _MOST_COLOURS]) * (last - first)
            if state in (GIVEN_UP, RETRIED):
                failures.append(last - 1)
        for x in failures:
            row[x] = 255
    palette = (
        b"\0\0\0" + b"".join(bytes(class_colour(cls)) for cls in range(_MOST_COLOURS)) + bytes(12) + bytes(_FAILURE)
    )
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    head = struct.pack(">IIBBBBB", WIDTH, len(rows), 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", palette[:768]), (b"tRNS", b"\0"), (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks), len(rows)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
