"""Arrow types that Parquet lacks: they are noted in the table's metadata and restored.

Parquet stores seconds as milliseconds, and has dictionaries of strings only. A table without such types has no note.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from alexflow.formats.libraries import need
from alexflow.hooks import text_of

if TYPE_CHECKING:
    import pyarrow as pa

#: The key in the table's metadata for the original schema.
_KEY = b"alexflow.schema"

#: Types that Parquet has, which need no check.
_KEPT = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_KEPT |= {"bool", "float", "double", "string", "large_string", "binary", "date32[day]"}
_KEPT |= {f"timestamp[{unit}]" for unit in ("ms", "us", "ns")}


def to_stored(table: pa.Table) -> pa.Table:
    """Add a note of the types that Parquet changes to a table.

    Raises:
        ValueError: the table would come back as another one; the message names the column.
    """
    _check_columns(table)
    if all(str(kind) in _KEPT for kind in table.schema.types):
        return table
    stored = _as_parquet_has_it(table.schema)
    if [field.type for field in stored] == table.schema.types:
        return table
    note = base64.b64encode(table.schema.remove_metadata().serialize().to_pybytes())
    noted = table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: note})
    for name, given, back in zip(table.column_names, table.schema.types, stored.types, strict=True):
        _check_cast(name, given, back)
    return noted


def to_given(table: pa.Table) -> pa.Table:
    """Restore the original table, or some of its columns, from the table that Parquet gives."""
    metadata = table.schema.metadata or {}
    if _KEY not in metadata:
        return table
    arrow = need("pyarrow", "parquet")
    given = arrow.ipc.read_schema(arrow.py_buffer(base64.b64decode(metadata[_KEY])))
    for position, name in enumerate(table.column_names):
        kind = given.field(name).type
        if table.schema.field(position).type != kind:
            field = table.schema.field(position).with_type(kind)
            table = table.set_column(position, field, table.column(position).cast(kind))
    kept = {key: value for key, value in metadata.items() if key != _KEY}
    return table.replace_schema_metadata(kept or None)


def _check_columns(table: pa.Table) -> None:
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two columns are called {twice!r}; rename one of them")
    if not names and table.num_rows:
        raise ValueError(f"it has no columns, so that its {table.num_rows:,} rows would be lost")


def _as_parquet_has_it(schema: pa.Schema) -> pa.Schema:
    arrow, parquet = need("pyarrow", "parquet"), need("pyarrow.parquet", "parquet")
    file = io.BytesIO()
    parquet.write_table(schema.empty_table(), file)
    stored: pa.Schema = parquet.read_schema(arrow.BufferReader(file.getvalue()))
    return stored


def _check_cast(name: str, given: pa.DataType, back: pa.DataType) -> None:
    arrow = need("pyarrow", "parquet")
    try:
        arrow.array([], back).cast(given)
    except arrow.ArrowException as error:
        change = f"column {name!r} of type {given} would come back as {back}"
        raise ValueError(f"{change} ({text_of(error)}); use ArrowOutput") from error
