"""Fields: metadata, those that do not signify, those that a document does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alexflow import DynamicTask, ResourceSpec, deserialize, serialize
from alexflow.errors import DocumentError
from tests.serialization.documented import Encoded, Grown, Noted, Required, Value


def fields_of(task: Any) -> dict[str, Any]:
    fields = serialize(task)["nodes"][-1]["fields"]
    assert isinstance(fields, dict)
    return fields


def test_metadata_encode_and_decode_say_how_a_value_enters_and_leaves() -> None:
    task = Encoded(Path("a/b"))
    assert fields_of(task) == {"where": {"parts": ["a", "b"]}, "maybe": None, "resource_spec": None}
    assert deserialize(task.serialize()).where == Path("a/b")


def test_an_encode_that_raises_is_named() -> None:
    with pytest.raises(DocumentError, match=r"^Encoded\.maybe: its `encode` raised ZeroDivisionError") as caught:
        serialize(Encoded(Path("a"), maybe=1))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_decode_that_raises_is_named() -> None:
    document = Encoded(Path("a")).serialize()
    document["nodes"][0]["fields"]["where"] = {}
    with pytest.raises(DocumentError, match=r"^nodes\[0\]\.fields\.where: `decode` of Encoded\.where raised KeyError"):
        deserialize(document)


def test_fields_that_do_not_signify_are_written_too() -> None:
    back = deserialize(serialize(Noted(1, note=("x", Value(2)), calls=[1])))
    assert (back.note, back.calls) == (("x", Value(2)), [1])
    spec = ResourceSpec(cpu_limits="500m", gpu=1)
    assert deserialize(serialize(Value(1, resource_spec=spec))).resource_spec == spec
    assert deserialize(serialize(DynamicTask(resource_spec=spec))).resource_spec == spec


def test_one_that_cannot_be_written_is_left_out_if_it_is_the_default() -> None:
    task = Noted(1)
    assert "helper" not in fields_of(task)
    back = deserialize(task.serialize())
    assert back.helper is task.helper
    with pytest.raises(DocumentError, match=r"^Noted\.helper: a lambda has no stable identity"):
        serialize(Noted(1, helper=lambda: 2))


def test_a_significant_field_added_since_is_none_so_that_the_id_stays() -> None:
    document = serialize(Grown(1, added=None))
    del document["nodes"][0]["fields"]["added"]
    del document["nodes"][0]["fields"]["insignificant"]
    back = deserialize(document)
    assert (back.added, back.insignificant) == (None, 7)


def test_a_field_that_has_to_be_given() -> None:
    document = serialize(Required(1, 2))
    del document["nodes"][0]["fields"]["second"]
    with pytest.raises(
        DocumentError, match=r"^nodes\[0\]\.fields\.second: is missing, and Required has no default for it$"
    ):
        deserialize(document)


def test_a_field_removed_since_may_be_null() -> None:
    document = serialize(Required(1, 2))
    document["nodes"][0]["fields"]["removed"] = None
    assert deserialize(document) == Required(1, 2)
    document["nodes"][0]["fields"]["removed"] = 0
    with pytest.raises(DocumentError, match=r"^nodes\[0\]\.fields\.removed: Required has no field 'removed'$"):
        deserialize(document)
