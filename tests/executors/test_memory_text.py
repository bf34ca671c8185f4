"""Amounts of memory in messages."""

import pytest

from alexflow.executors.memory_text import memory_text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1023 * 1024**2 + 900 * 1024, "1023.9 MiB"),
        (8 * 1024**3, "8 GiB"),
        (int(7.13 * 1024**3), "7.1 GiB"),
    ],
)
def test_text(amount: int, text: str) -> None:
    assert memory_text(amount) == text
