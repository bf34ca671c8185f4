"""Tables of entries: a row for each task, with its parameters, values chosen from its outputs, and its cost.

A column holds values of one type, as frames want it: where values are of several, and where a value has parts, such as
a list, the column has them as JSON. So the same columns become an Arrow table, a frame, CSV or text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from alexflow.arguments import check_argument
from alexflow.errors import DefinitionError, OutputNotFound
from alexflow.formats.gzipped import decompress_if_gzip
from alexflow.formats.libraries import need
from alexflow.hooks import repr_of
from alexflow.identity import SECRET_SHOWN
from alexflow.record.entry import Entry
from alexflow.record.fields import FORM_TAG, NO_SUCH_FIELD, scalar, value_at
from alexflow.storage import Storage

#: The libraries that a table can be of.
TableFormat = Literal["arrow", "pandas", "polars"]

#: Columns of each table, after those of parameters and of chosen values.
COST_COLUMNS = ("seconds", "cpu_seconds", "peak_rss_bytes", "finished", "key")

Columns = dict[str, list[Any]]


class ChosenValue(NamedTuple):
    """A value to be read from one output of each task.

    Attributes:
        ending: of the output's key, such as ``metrics.json``.
        path: names and indices that lead to the value in the JSON; none for all of it.
    """

    ending: str
    path: tuple[str, ...]


def chosen_values(values: Mapping[str, str]) -> dict[str, ChosenValue]:
    """Read what users write: a column's name with ``metrics.json:accuracy``.

    Raises:
        DefinitionError: one is written in another way, or has the name of a column of each table.
    """
    found = {}
    check_argument("values", values, Mapping, "a dict, such as {'accuracy': 'metrics.json:accuracy'}")
    for name, text in values.items():
        check_argument("the name of a column", name, str, "a text")
        check_argument(f"the column {name}", text, str, "a text, such as 'metrics.json:accuracy'")
        ending, colon, path = text.partition(":")
        if not (ending and colon):
            raise DefinitionError(
                f"the column {name} is {text!r}; write the end of an output's key, a colon, and the path in its JSON, "
                f"such as metrics.json:accuracy"
            )
        if name in COST_COLUMNS:
            raise DefinitionError(f"each table has a column {name}; give the chosen value another name")
        found[name] = ChosenValue(ending, tuple(path.split(".")) if path else ())
    return found


def columns_of(entries: Iterable[Entry], storage: Storage, values: Mapping[str, str]) -> Columns:
    """Return the columns of a table by name; each has as many items as there are entries.

    Args:
        entries: the rows.
        storage: where the outputs are.
        values: chosen values by the names of their columns, as for :meth:`Record.table`.

    Raises:
        DefinitionError: a chosen value is not written as one, or fits no output, several outputs, or one without JSON.
    """
    chosen = chosen_values(values)
    taken = {*COST_COLUMNS, *chosen}
    rows, read = [], []
    for entry in entries:
        leaves = _leaves(entry.fields)
        rows.append({f"fields.{path}" if path in taken else path: value for path, value in leaves})
        read.append((entry, _values_of(entry, storage, chosen)))
    _check_found(chosen, [entry for entry, _ in read])
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _of_one_type([row.get(name) for row in rows]) for name in names}
    columns |= {name: _of_one_type([found[name] for _, found in read]) for name in chosen}
    cost = {name: [getattr(entry, name) for entry, _ in read] for name in COST_COLUMNS}
    return columns | cost


# -- parameters


def _leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each parameter by its path: through dataclasses and dicts, not into lists; of an output its key."""
    tag = document.get(FORM_TAG) if isinstance(document, dict) else None
    inside = document if tag is None else document.get("fields") if tag in ("dataclass", "struct") else None
    if isinstance(inside, dict) and (inside or not path):
        for name, value in inside.items():
            yield from _leaves(value, f"{path}.{name}" if path else name)
    else:
        yield path, _plain(document)


def _plain(document: Any) -> Any:
    """Return a part of a document without its tags."""
    if isinstance(document, list):
        return [_plain(item) for item in document]
    if not isinstance(document, dict):
        return document
    tag = document.get(FORM_TAG)
    if tag is None:
        return {name: _plain(value) for name, value in document.items()}
    if tag == "secret":
        return SECRET_SHOWN
    if tag == "float":
        return float(document["value"])
    if tag == "int":
        return int(document["value"], 16)
    if "items" in document:
        return _plain(document["items"])
    found = scalar(document)
    if found is not document:
        return found
    return {name: _plain(value) for name, value in document.items() if name != FORM_TAG}


def _of_one_type(values: Sequence[Any]) -> list[Any]:
    """Return values as a column holds them: of one type, None where there is none, else as JSON."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and kinds <= {bool, int, float, str, datetime}:
        fits = kinds != {int} or all(value is None or -(2**63) <= value < 2**63 for value in values)
        return list(values) if fits else [None if value is None else str(value) for value in values]
    return [value if value is None or isinstance(value, str) else json.dumps(value, default=str) for value in values]


# -- values from outputs


def _values_of(entry: Entry, storage: Storage, chosen: Mapping[str, ChosenValue]) -> dict[str, Any]:
    documents: dict[str, Any] = {}
    found = {}
    for name, each in chosen.items():
        key = _key_ending(entry, each.ending)
        if key is not None and key not in documents:
            documents[key] = _json_of(storage, key)
        value = NO_SUCH_FIELD if key is None else value_at(documents[key], each.path)
        found[name] = None if value is NO_SUCH_FIELD else value
    return found


def _key_ending(entry: Entry, ending: str) -> str | None:
    """Return the key of a task's output that ends so; None if there is none."""
    keys = [output.key for output in entry.outputs]
    exact = f"{entry.task_id}.{ending}"
    if exact in keys:
        return exact
    fitting = [key for key in keys if key == ending or key.endswith((f".{ending}", f"/{ending}"))]
    if len(fitting) > 1:
        raise DefinitionError(f"{ending} is the end of several outputs of {entry.task_id}: {', '.join(fitting)}")
    return fitting[0] if fitting else None


def _json_of(storage: Storage, key: str) -> Any:
    """Return what an output holds; nothing at all if it has been removed since it was made."""
    try:
        with storage.reader(key) as file:
            data = file.read()
    except OutputNotFound:
        return NO_SUCH_FIELD
    try:
        return msgspec.json.decode(decompress_if_gzip(data))
    except (msgspec.DecodeError, OSError, EOFError) as error:
        raise DefinitionError(f"{key} is no JSON, so no value can be taken from it: {error}") from None


def _check_found(chosen: Mapping[str, ChosenValue], entries: Sequence[Entry]) -> None:
    """Refuse an ending that no output has: it is most likely misspelt."""
    for name, each in chosen.items():
        if entries and all(_key_ending(entry, each.ending) is None for entry in entries):
            known = sorted(
                {output.key.removeprefix(f"{entry.task_id}.") for entry in entries for output in entry.outputs}
            )
            raise DefinitionError(
                f"no output ends with {each.ending}, from which the column {name} is to be taken; "
                f"the outputs of these tasks are {', '.join(known[:6]) or 'none'}"
            )


# -- frames


def frame_of(columns: Columns, format: TableFormat) -> Any:
    """Return columns as a table of a library.

    Raises:
        DefinitionError: there is no such format.
        MissingLibrary: its library is not installed.
    """
    if format == "arrow":
        return _arrow_table(columns)
    if format == "pandas":
        return need("pandas", "pandas").DataFrame(columns)
    if format == "polars":
        return need("polars", "polars").DataFrame(columns, strict=False)
    raise DefinitionError(f"the format of a table is arrow, pandas or polars, not {repr_of(format)}")


def _arrow_table(columns: Columns) -> Any:
    arrow = need("pyarrow", "parquet")
    cost = {
        "seconds": arrow.float64(),
        "cpu_seconds": arrow.float64(),
        "peak_rss_bytes": arrow.int64(),
        "finished": arrow.timestamp("us", "UTC"),
        "key": arrow.string(),
    }
    return arrow.table({name: arrow.array(values, type=cost.get(name)) for name, values in columns.items()})
