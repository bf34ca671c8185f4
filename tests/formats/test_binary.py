"""A pickle that could never be loaded again is not stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import BinaryOutput, Storage, Task
from alexflow.errors import EncodingError


class Demanding(Exception):
    """Wants an argument that its pickle does not have."""

    def __init__(self, *, code: int):
        super().__init__(f"code {code}")


class Broken:
    def __setstate__(self, state: Any) -> None:
        raise LookupError("not again")


def broken() -> Broken:
    value = Broken()
    value.__dict__["part"] = 1
    return value


@dataclass(frozen=True)
class Holds(Task):
    def output(self) -> BinaryOutput[Any]:
        return self.build_output(BinaryOutput[Any], key="value.pkl")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Demanding(code=7), "a Demanding cannot be stored as BinaryOutput: it could not be loaded again: TypeError: "),
        ([broken()], "a list cannot be stored as BinaryOutput: it could not be loaded again: LookupError: not again"),
    ],
    ids=["demanding", "broken"],
)
def test_what_could_not_be_loaded_is_not_stored(storage: Storage, value: Any, said: str) -> None:
    output = Holds().output().assign_storage(storage)
    with pytest.raises(EncodingError) as caught:
        output.store(value)
    assert said in str(caught.value)
    assert not output.exists()


def test_all_else_is(storage: Storage) -> None:
    output = Holds().output().assign_storage(storage)
    value = {"numbers": list(range(10)), "bytes": b"1" * 3_000_000}
    output.store(value)
    assert output.load() == value
