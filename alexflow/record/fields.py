"""The fields of a task as a plain document, made from the bytes that its id is the digest of.

The notation is that of documents (docs/design/documents.md): ``{"$": tag, …}`` for what JSON has no form of. Nothing is
imported. A task or an output among the fields is a reference: ``{"$": "task", "id": …}``,
``{"$": "output", "task": …, "key": …}``; a diamond stands in the record once.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

#: The key that marks an object as a tagged value, as in documents.
FORM_TAG = "$"

#: The id of an output: the task's id, then a dot and the rest of a key that begins so, or a colon and a whole key.
_OUTPUT_ID = re.compile(r"(.+?\.[0-9a-f]{40})([.:])(.*)", re.DOTALL)


#: The class of the task behind a source.
SOURCE_TASK = "alexflow.sources.external:Known"


def source_digests(document: Any) -> list[str]:
    """Return the digests of the sources in a document, each once."""
    keys = (each["key"] for each in references_in(document) if each[FORM_TAG] == "output")
    beginning = f"{SOURCE_TASK.replace(':', '.')}."
    return [*dict.fromkeys(key.rpartition(".")[2] for key in keys if key.startswith(beginning))]


class OutputReference(NamedTuple):
    """An output that a task has among its fields."""

    task_id: str
    key: str


def output_reference(output_id: str) -> OutputReference:
    """Return the task and the key in the id of an output."""
    found = _OUTPUT_ID.fullmatch(output_id)
    if found is None:
        return OutputReference("", output_id)
    return OutputReference(found[1], output_id if found[2] == "." else found[3])


def plain(value: Any) -> Any:
    """Return a canonical value (docs/design/identity.md) as a document."""
    kind = type(value)
    if kind is list or kind is tuple:
        make = _TAGS.get(value[0])
        return make(*value) if make is not None else {FORM_TAG: "canonical", "value": list(value)}
    if kind is bytes:
        return {FORM_TAG: "bytes", "value": base64.b64encode(value).decode()}
    if kind is float and not math.isfinite(value):
        return {FORM_TAG: "float", "value": str(value)}
    return value


def _pairs(pairs: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return {name: plain(value) for name, value in pairs}


def _list(tag: str, items: Sequence[Any]) -> Any:
    return [plain(item) for item in items]


def _items(tag: str, items: Sequence[Any]) -> Any:
    return {FORM_TAG: tag, "items": [plain(item) for item in items]}


def _dict(tag: str, entries: Sequence[Sequence[Any]]) -> Any:
    if all(type(key) is str and key != FORM_TAG for key, _ in entries):
        return _pairs(entries)
    return _entries(tag, entries)


def _entries(tag: str, entries: Sequence[Sequence[Any]]) -> Any:
    return {FORM_TAG: tag, "entries": [[plain(key), plain(value)] for key, value in entries]}


def _int(tag: str, digits: str) -> Any:
    return {FORM_TAG: tag, "value": f"-0x{digits[1:]}" if digits.startswith("-") else f"0x{digits}"}


def _complex(tag: str, parts: Sequence[float]) -> Any:
    return {FORM_TAG: tag, "real": plain(parts[0]), "imag": plain(parts[1])}


def _uuid(tag: str, digits: str) -> Any:
    steps = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return {FORM_TAG: tag, "value": "-".join(steps)}


def _timedelta(tag: str, parts: Sequence[int]) -> Any:
    return {FORM_TAG: tag, "days": parts[0], "seconds": parts[1], "microseconds": parts[2]}


def _path(tag: str, text: str, cls: str | None = None) -> Any:
    return {FORM_TAG: tag, "value": text} if cls is None else {FORM_TAG: tag, "value": text, "class": cls}


def _enum(tag: str, cls: str, member: Any) -> Any:
    return {FORM_TAG: tag, "class": cls, "name" if type(member) is str else "value": member}


def _fields(tag: str, cls: str, pairs: Sequence[Sequence[Any]]) -> Any:
    return {FORM_TAG: tag, "class": cls, "fields": _pairs(pairs)}


def _namedtuple(tag: str, cls: str, items: Sequence[Any]) -> Any:
    return {FORM_TAG: tag, "class": cls, "items": [plain(item) for item in items]}


def _output(tag: str, output_id: str, options: Sequence[Sequence[Any]] = ()) -> Any:
    task_id, key = output_reference(output_id)
    made = {FORM_TAG: tag, "task": task_id, "key": key}
    return {**made, "fields": _pairs(options)} if options else made


def _text(tag: str, text: str) -> Any:
    return {FORM_TAG: tag, "value": text}


def _named(tag: str, name: str) -> Any:
    return {FORM_TAG: tag, "name": name}


def _pattern(tag: str, text: str | bytes, flags: int) -> Any:
    return {FORM_TAG: tag, "value": plain(text), "flags": flags}


def _partial(tag: str, function: Any, args: Sequence[Any], keywords: Sequence[Sequence[Any]]) -> Any:
    named = [[name, plain(value)] for name, value in keywords]
    return {FORM_TAG: tag, "function": plain(function), "args": [plain(item) for item in args], "keywords": named}


def _dtype(tag: str, of: Any, more: Any = None) -> Any:
    if type(of) is str:
        return {FORM_TAG: tag, "value": of}
    if type(more) is int:
        fields = [[name, plain(dtype), offset] for name, dtype, offset in of]
        return {FORM_TAG: tag, "fields": fields, "itemsize": more}
    return {FORM_TAG: tag, "base": plain(of), "shape": list(more)}


def _numbers(*names: str) -> Callable[..., Any]:
    return lambda tag, numbers: {FORM_TAG: tag, **dict(zip(names, map(plain, numbers), strict=True))}


_TAGS: Mapping[str, Callable[..., Any]] = {
    "list": _list,
    "tuple": _items,
    "set": _items,
    "frozenset": _items,
    "dict": _dict,
    "odict": _entries,
    "int": _int,
    "nan": lambda tag: {FORM_TAG: "float", "value": "nan"},
    "complex": _complex,
    "decimal": _text,
    "uuid": _uuid,
    "datetime": _text,
    "date": _text,
    "time": _text,
    "timedelta": _timedelta,
    "path": _path,
    "module": _named,
    "function": _named,
    "type": _named,
    "enum": _enum,
    "dataclass": _fields,
    "struct": _fields,
    "namedtuple": _namedtuple,
    "task": lambda tag, task_id: {FORM_TAG: tag, "id": task_id},
    "output": _output,
    "range": _numbers("start", "stop", "step"),
    "fraction": _numbers("numerator", "denominator"),
    "zone": _named,
    "pattern": _pattern,
    "partial": _partial,
    "dtype": _dtype,
    "torch.dtype": _named,
    "model": _fields,
    "attrs": _fields,
    "secret": lambda tag, digest: {FORM_TAG: tag, "digest": digest},
}


# -- into documents

NO_SUCH_FIELD = object()


def value_at(document: Any, path: Sequence[str]) -> Any:
    """Return the part of a document under a path of names and indices; :data:`NO_SUCH_FIELD` if there is none.

    The steps through a dataclass are its fields' names, those through a list, a tuple or a namedtuple are indices.
    """
    for step in path:
        document = _step(document, step)
        if document is NO_SUCH_FIELD:
            break
    return document


def _step(document: Any, step: str) -> Any:
    if isinstance(document, dict):
        inside = document.get("fields") if FORM_TAG in document else document
        if inside is None:
            inside = document.get("items", document)
        if isinstance(inside, dict):
            return inside.get(step, NO_SUCH_FIELD)
        document = inside
    if isinstance(document, list) and step.isdecimal() and int(step) < len(document):
        return document[int(step)]
    return NO_SUCH_FIELD


def scalar(document: Any) -> Any:
    """Return a leaf of a document as the value that conditions compare: of a tagged one, what it says."""
    if isinstance(document, dict) and FORM_TAG in document:
        for part in ("value", "name", "key", "id", "digest"):
            if part in document:
                return document[part]
    return document


def secrets_in(document: Any) -> Iterator[str]:
    """Yield the paths of the secrets in a document."""
    pending = [("", document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict) and value.get(FORM_TAG) == "secret":
            yield path
            continue
        inside = value.get("fields", value) if isinstance(value, dict) else value
        parts = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
        pending += [(f"{path}.{step}" if path else str(step), part) for step, part in parts]


def references_in(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks and outputs that a document refers to, in its order."""
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if value.get(FORM_TAG) in ("task", "output"):
                yield value
            pending += reversed(value.values())
        elif isinstance(value, list):
            pending += reversed(value)
