from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from alexflow import LocalStorage, MemoryStorage, SerializableOutput
from alexflow.errors import DocumentError
from tests.serialization.documented import Config, Value


def bound(storage: Any) -> SerializableOutput[Any]:
    return Value("holder").build_output(SerializableOutput, key="graph.json").assign_storage(storage)


@pytest.mark.parametrize("value", [Value(Value(1).output()), Config(1.0, inner=(1, 2)), [Value(1), {"a": None}]])
def test_it_stores_what_may_be_a_parameter(value: Any, tmp_path: Path) -> None:
    output = bound(LocalStorage(str(tmp_path)))
    output.store(value)
    assert output.load() == value


def test_it_works_on_the_event_loop() -> None:
    async def main() -> None:
        output = bound(MemoryStorage())
        await output.astore(Value(1))
        assert await output.aload() == Value(1)

    asyncio.run(main())


def test_it_is_compressed_json_and_the_same_bytes_each_time() -> None:
    output = bound(None)
    data = output.encode(Value(1))
    assert data == output.encode(Value(1))
    assert json.loads(gzip.decompress(data))["format"] == "alexflow/graph"


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"^Config\.inner: a lambda"):
        bound(None).encode(Config(1.0, inner=lambda: 1))
