"""Documents: plain data with a value and the whole graph behind it, and their encoding as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from alexflow.errors import DocumentError
from alexflow.identity import short_repr
from alexflow.serialization.decode import parts
from alexflow.serialization.fault import DocumentFault
from alexflow.serialization.graph import GraphReader, GraphWriter
from alexflow.serialization.msgpack import unpacked
from alexflow.serialization.resolve import Resolver

FORMAT = "alexflow/graph"
VERSION = 1


def serialize(value: Any) -> dict[str, Any]:
    """Make a document of a task, an output, a tree of outputs, a workflow or any value that may be a parameter.

    It has every task behind the value once, with all of its fields. It does not have the storage that an output is
    bound to.

    Returns:
        Plain data (dicts, lists, strings, numbers, booleans, None) for ``json.dumps``; :func:`deserialize` reads it.

    Raises:
        DocumentError: a value cannot be written; the message begins with the path to it: ``Train.loss: …``.
    """
    writer = GraphWriter()
    root = writer.write(value)
    return {"format": FORMAT, "version": VERSION, "root": root, "nodes": writer.nodes}


def deserialize(document: Any, modules: Iterable[str] | None = None) -> Any:
    """Rebuild the value that :func:`serialize` was given; the result is equal to it.

    Classes and functions are found by name, which imports their modules, and importing a module runs it. Apart from
    that a document can only make instances of task, output, storage, dataclass, struct, namedtuple, enum and path
    classes. Name the ``modules`` that a document may use if you do not trust its author: then it reads no pickle, no
    URL and no key but those of its own tasks, even when it is run (docs/design/documents.md, "Documents from
    strangers").

    Args:
        document: a document from :func:`serialize`, possibly sent as JSON.
        modules: names of modules; classes and functions outside of them are refused, except alexflow's workflows,
            resource specs and formats that are safe to share. None allows all.

    Raises:
        DocumentError: the document is malformed, names something that does not exist, or a class has changed so that
            its tasks have other ids. The message begins with the path to the fault: ``nodes[3].fields.loss: …``.
    """
    reader = GraphReader(Resolver(modules))
    try:
        root, nodes = _opened(document)
        return reader.read(root, nodes)
    except DocumentFault as fault:
        raise fault.as_error() from fault.__cause__


def _opened(document: Any) -> tuple[Any, Any]:
    if type(document) is dict and document.get("format") != FORMAT:
        raise DocumentFault(f"this is not a document of the format {FORMAT!r}").at("format")
    _, version, root, nodes = parts(document, ("format", "version", "root", "nodes"))
    if type(version) is not int or version < 1:
        raise DocumentFault(f"expected a number from 1, not {short_repr(version)}").at("version")
    if version > VERSION:
        raise DocumentFault(
            f"this alexflow reads version {VERSION}, not {short_repr(version)}; install a newer one"
        ).at("version")
    return root, nodes


def to_json(value: Any) -> bytes:
    """:func:`serialize`, as UTF-8 encoded JSON."""
    return msgspec.json.encode(serialize(value))


def from_json(data: bytes | str, modules: Iterable[str] | None = None) -> Any:
    """:func:`deserialize`, from JSON."""
    return deserialize(_decode(msgspec.json.decode, data, "JSON"), modules)


def to_msgpack(value: Any) -> bytes:
    """:func:`serialize`, as MessagePack: the same document, smaller and faster to read."""
    return msgspec.msgpack.encode(serialize(value))


def from_msgpack(data: bytes, modules: Iterable[str] | None = None) -> Any:
    """:func:`deserialize`, from MessagePack."""
    return deserialize(_decode(unpacked, data, "MessagePack"), modules)


def _decode(decode: Callable[[Any], Any], data: bytes | str, name: str) -> Any:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DocumentError(f"not {name}: {error}") from error
