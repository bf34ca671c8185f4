"""Conditions on the fields of entries: ``{"depth": 5, "config.lr": ("<", 0.1), "model": ("~=", "resnet")}``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from alexflow.arguments import check_argument
from alexflow.errors import DefinitionError
from alexflow.hooks import repr_of
from alexflow.record.fields import NO_SUCH_FIELD, scalar, value_at


def _matches(value: Any, pattern: Any) -> bool:
    return isinstance(value, str) and re.search(str(pattern), value) is not None


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~=": _matches,
}

OPERATORS = tuple(_OPERATORS)

_WORD = re.compile(r"(?P<path>[^=!<>~]+?)\s*(?P<operator>~=|!=|<=|>=|==?|<|>)\s*(?P<value>.*)", re.DOTALL)

#: A task as tables show it, ``Train.5f3c1a2b``: a field with an output of it has its whole key.
_SHORT_ID = re.compile(r"\w+\.[0-9a-f]{8}")


class FieldCondition(NamedTuple):
    """A condition on one field.

    Attributes:
        path: the steps to it.
        operator: one of :data:`OPERATORS`; ``~=`` searches a text for a regular expression.
        value: what it is compared with.
    """

    path: tuple[str, ...]
    operator: str
    value: Any

    def holds_for(self, fields: Mapping[str, Any]) -> bool:
        """Whether the fields of an entry fulfil it. A field that is left out is None."""
        found = value_at(fields, self.path)
        actual = None if found is NO_SUCH_FIELD else scalar(found)
        if self.operator in ("=", "!="):  # 1 is not True here, as in ids
            equal = type(actual) is type(self.value) and actual == self.value
            equal = equal or (_is_number(actual) and _is_number(self.value) and actual == self.value)
            return equal == (self.operator == "=")
        if self.operator != "~=" and not _comparable(actual, self.value):
            return False
        return _OPERATORS[self.operator](actual, self.value)


def _is_number(value: Any) -> bool:
    """Whether a value is an integer or a float, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparable(one: Any, other: Any) -> bool:
    return (_is_number(one) and _is_number(other)) or (isinstance(one, str) and isinstance(other, str))


def read_condition(word: str) -> FieldCondition | None:
    """Read a condition as it is typed, such as ``config.depth>4``; None for a word that is none.

    A pattern is a text. A task as tables show it, ``Train.5f3c1a2b``, stands for all outputs of it. Any other value is
    JSON where it is that, and else a text; ``none``, ``null``, ``true`` and ``false`` count in upper case, too.

    Raises:
        DefinitionError: it compares with nothing, or a pattern is no regular expression.
    """
    match = _WORD.fullmatch(word)
    if match is None:
        return None
    sign = "=" if match["operator"] == "==" else match["operator"]  # as it is in Python
    text = match["value"]
    if not text and sign[0] in "<>":
        raise DefinitionError(f"{word} compares with nothing; give a value, as in '{word}5'")
    if sign == "=" and _SHORT_ID.fullmatch(text):
        sign, text = "~=", rf"(?:^|\.){re.escape(text)}"
    (condition,) = conditions({match["path"]: (sign, text if sign == "~=" else _typed_value(text))})
    return condition


def read_search(words: Iterable[str]) -> tuple[str | None, list[FieldCondition]]:
    """Return the class, if one is named, and the conditions among the words of a search.

    Raises:
        DefinitionError: two words are no conditions, or one is none that can be read.
    """
    classes: list[str] = []
    wanted: list[FieldCondition] = []
    for word in words:
        condition = read_condition(word)
        if condition is None:
            classes.append(word)
        else:
            wanted.append(condition)
    if len(classes) > 1:
        raise DefinitionError(f"a search takes one class, not {' and '.join(classes)}; a condition is FIELD=VALUE")
    return classes[0] if classes else None, wanted


_WORDS: Mapping[str, None | bool] = {"none": None, "null": None, "true": True, "false": False}


def _typed_value(text: str) -> Any:
    return _WORDS[text.lower()] if text.lower() in _WORDS else json_or_text(text)


def json_or_text(text: str) -> Any:
    """Return what a text is as JSON, or itself where it is none."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def conditions(where: Mapping[str, Any] | None) -> tuple[FieldCondition, ...]:
    """Read conditions as users write them.

    Raises:
        DefinitionError: an operator is unknown, or a pattern is no regular expression.
    """
    found = []
    if where is not None:
        check_argument("where", where, Mapping, "a dict, such as {'depth': (\">\", 3)}")
    for path, wanted in (where or {}).items():
        check_argument("the path of a condition", path, str, "a text, such as 'config.depth'")
        sign, value = wanted if isinstance(wanted, tuple) and len(wanted) == 2 else ("=", wanted)
        if not isinstance(sign, str) or sign not in _OPERATORS:
            raise DefinitionError(
                f"the condition on {path} has the operator {repr_of(sign)}; the operators are {' '.join(OPERATORS)}"
            )
        if sign == "~=":
            check_argument(f"the pattern of the condition on {path}", value, (str, int, float), "a regular expression")
            try:
                re.compile(str(value))
            except re.error as error:
                raise DefinitionError(f"the condition on {path} has no regular expression: {error}") from None
        found.append(FieldCondition(tuple(path.split(".")), sign, value))
    return tuple(found)
