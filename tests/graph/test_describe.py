"""Values that a task's ``input`` may give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from alexflow import BinaryOutput, Output, Task
from alexflow.errors import DefinitionError
from alexflow.graph.describe import Defaults, describe


class Column:
    """As an array: it will not say whether it is true."""

    def __bool__(self) -> NoReturn:
        raise ValueError("the truth of a column is ambiguous")

    def __repr__(self) -> str:
        return "Column()"


@dataclass(frozen=True)
class Gives(Task):
    what: Any = field(compare=False)

    def input(self) -> Any:
        return self.what

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="n")

    def run(self, input: Any, output: Any) -> None: ...


@pytest.mark.parametrize("nothing", [None, (), [], {}], ids=repr)
def test_nothing(nothing: Any) -> None:
    spec = describe(Gives(nothing), Defaults()).spec
    assert spec.inputs == ()
    assert spec.acyclic


@pytest.mark.parametrize("tree", [[None], ((), []), {"a": None}], ids=repr)
def test_nothing_in_trees(tree: Any) -> None:
    assert describe(Gives(tree), Defaults()).spec.inputs == ()


@pytest.mark.parametrize("wrong", [0, 7, "", "a", Column(), [Column()]], ids=repr)
def test_what_is_no_output(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"Gives\.input\(\) gives something that is not an output"):
        describe(Gives(wrong), Defaults())
