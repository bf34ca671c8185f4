"""Log messages about one storage."""

import pytest

from alexflow import Storage


def messages_about(storage: Storage, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged about a storage.

    The engine of an earlier test, whose storage did not answer, may still be asking for a part of its record: a thread
    of its own does so until the deadline. What it says is about another storage.
    """
    return [
        message
        for record in caplog.records
        if record.name == "alexflow.storage" and (message := record.getMessage()).startswith(f"{storage.url}: ")
    ]
