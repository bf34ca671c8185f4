"""A pandas frame as an Arrow table that becomes the same frame again.

Parquet does not have all of pandas' types, and pandas' own metadata do not hold all that a frame was. What would be
lost is noted in the table's metadata, column by column, and put back when the frame is loaded. What cannot be put back
is refused: the structure of the frame goes to Parquet and back without its rows, and columns of objects are held
against what Arrow has made of them.

Notes are by the name of a column in the table:

    {"columns": {"a": {"dtype": "datetime64[s]"}, "b": {"categories": "…", "ordered": false}, "c": {"as": "arrow"},
                 "d": {"as": "objects"}, "e": {"as": "strings"}}, "index": "datetime64[s]", "names": [7],
     "freq": "D", "unique": true}
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from alexflow.formats.libraries import need
from alexflow.formats.returned import check_returned
from alexflow.hooks import repr_of, text_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: The key in the table's metadata for the notes.
_KEY = b"alexflow"

_SHOWN = 80  # characters of a value in a message

_SIMPLE = {f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)}
_SIMPLE |= {"bool", "str", "datetime64[ms]", "datetime64[us]", "datetime64[ns]"}


def to_table(frame: pd.DataFrame) -> pa.Table:
    """The table of a frame.

    Raises:
        ValueError: it would not become the same frame again; the message names the column.
    """
    _check_labels(frame)
    notes_of_index = _notes_of_index(frame.index)
    if "names" in notes_of_index:
        plain: list[Any] = [name if name is None else str(name) for name in frame.index.names]
        frame = frame.rename_axis(index=plain)
    # without columns, the index alone has the rows
    table = need("pyarrow", "pandas").Table.from_pandas(frame, preserve_index=None if len(frame.columns) else True)
    columns = {}
    for position, dtype in enumerate(frame.dtypes):
        if str(dtype) not in _SIMPLE:
            note = _note_of(frame.iloc[:, position], table.column(position), frame.columns[position])
            if note:
                columns[table.column_names[position]] = note
    notes: dict[str, Any] = {"columns": columns} if columns else {}
    if not frame.flags.allows_duplicate_labels:
        notes["unique"] = True
    table = _noted(table, notes | notes_of_index)
    if frame.attrs:
        _check_attributes(frame.attrs, _pandas_metadata(table).get("attributes"))
    if not _is_simple(frame):
        _check_structure(frame, table, notes_of_index.get("names", list(frame.index.names)))
    return table


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Rebuild the frame that a table was made from; of a table made by another program, let pandas make one."""
    frame = table.to_pandas()
    notes = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    columns = notes.get("columns", {})
    for position, name in enumerate(_data_names(table) if columns else ()):
        if name in columns:
            frame.isetitem(position, _put_back(frame.iloc[:, position], table.column(name), columns[name]))
    if "index" in notes:
        frame.index = frame.index.astype(notes["index"])
    if "names" in notes:
        frame.index.names = notes["names"]
    if "freq" in notes:
        with suppress(ValueError):  # of the rows that filters have left it is not true any more
            cast(Any, frame.index).freq = notes["freq"]
    if "unique" in notes:
        cast(Any, frame.flags).allows_duplicate_labels = False
    return frame


def name_in_table(label: Any) -> str:
    """The name of a frame's column in its table."""
    return str(tuple(map(str, label))) if isinstance(label, tuple) else str(label)


# -- notes


def _note_of(series: pd.Series[Any], column: Any, label: Any) -> dict[str, Any] | None:
    pandas = need("pandas", "pandas")
    dtype: Any = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = dtype.categories
        return {"categories": _packed(categories, label), "of": str(categories.dtype), "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pandas.ArrowDtype):
        return {"as": "arrow"}
    if pandas.api.types.is_object_dtype(dtype):
        return {"as": _kind_of_objects(series.to_numpy(), column, label)}
    return {"dtype": str(dtype)} if str(dtype).startswith("datetime64[s") else None  # Parquet counts in milliseconds


def _notes_of_index(index: Any) -> dict[str, Any]:
    notes: dict[str, Any] = {}
    is_object: bool = need("pandas", "pandas").api.types.is_object_dtype(index.dtype)
    if str(index.dtype).startswith("datetime64[s") or (is_object and _is_of_strings(index)):
        notes["index"] = str(index.dtype)
    if any(type(name) is int for name in index.names):
        notes["names"] = list(index.names)
    pandas = need("pandas", "pandas")
    frequency = None if isinstance(index.dtype, pandas.PeriodDtype) else getattr(index, "freq", None)
    if frequency is not None:
        notes["freq"] = frequency.freqstr
        if pandas.tseries.frequencies.to_offset(notes["freq"]) != frequency:  # it has holidays, or a calendar
            raise ValueError(
                f"the freq of the index, {frequency!r}, would not come back; set index.freq = None, or use BinaryOutput"
            )
    return notes


def _kind_of_objects(values: Any, column: Any, label: Any) -> str:
    """The kind in which a column of objects comes back: ``strings``, ``objects`` of Python, or ``pandas``' own."""
    if _is_of_strings(values):
        return "strings"
    given = values.tolist()
    back = column.to_pylist()
    if _are_same(given, back):
        return "objects"
    as_pandas = column.to_pandas().astype(object).tolist()
    if _are_same(given, as_pandas):
        return "pandas"
    row = next(row for row, pair in enumerate(zip(given, back, strict=True)) if not _is_same(*pair))
    raise ValueError(
        f"column {label!r}, row {row}: {repr_of(given[row], _SHOWN)} would come back as {repr_of(back[row], _SHOWN)}; "
        f"convert the column, or use BinaryOutput"
    )


def _is_of_strings(values: Any) -> bool:
    kind: str = need("pandas", "pandas").api.types.infer_dtype(values, skipna=False)
    return kind == "string"


def _are_same(given: list[Any], back: list[Any]) -> bool:
    try:
        if given == back and list(map(type, given)) == list(map(type, back)):
            return True
    except (TypeError, ValueError):  # of arrays and pandas.NA, which have no one answer
        pass
    return all(map(_is_same, given, back))


def _is_same(given: Any, back: Any) -> bool:
    if type(given) is not type(back):
        return False
    if isinstance(given, float) and math.isnan(given):
        return math.isnan(back)
    if hasattr(given, "dtype"):  # an array
        one: Any = given
        return (one.dtype, one.shape, one.tobytes()) == (back.dtype, back.shape, back.tobytes())
    return given is back or (given == back) is True


def _packed(categories: Any, label: Any) -> str:
    """The categories of a column, as text."""
    arrow = need("pyarrow", "pandas")
    try:
        table = arrow.table({"": arrow.array(categories, from_pandas=False)})
    except arrow.ArrowException as error:
        raise ValueError(f"column {label!r}: its categories cannot be written: {text_of(error)}") from error
    sink = io.BytesIO()
    with arrow.ipc.new_stream(sink, table.schema, options=arrow.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return base64.b64encode(sink.getvalue()).decode()


def _unpacked(text: str) -> Any:
    return need("pyarrow", "pandas").ipc.open_stream(base64.b64decode(text)).read_all().column(0)


def _put_back(series: pd.Series[Any], column: Any, note: Mapping[str, Any]) -> Any:
    pandas, numpy = need("pandas", "pandas"), need("numpy", "pandas")
    if "categories" in note:
        categories = pandas.Index(_unpacked(note["categories"]).to_pandas().array)
        if note["of"] == "object":
            categories = categories.astype(object)
        dtype = pandas.CategoricalDtype(categories, note["ordered"])
        return series if series.dtype == dtype else series.astype(dtype)
    if "dtype" in note:
        return series.astype(note["dtype"])
    if note["as"] == "arrow":
        return pandas.Series(pandas.arrays.ArrowExtensionArray(column), index=series.index)
    if note["as"] == "objects":
        objects = numpy.fromiter(column.to_pylist(), dtype=object, count=len(column))
        return pandas.Series(objects, index=series.index, dtype=object)  # else strings become another type
    return series.astype(object)


# -- checks


def _is_simple(frame: pd.DataFrame) -> bool:
    """Whether a frame has only data that are known to be kept, so that it needs no trial, which takes milliseconds."""
    columns, index = frame.columns, frame.index
    return (
        columns.nlevels == index.nlevels == 1
        and str(columns.dtype) in ("str", "object")
        and 0 < len(columns) == sum(type(label) is str for label in columns)
        and isinstance(columns.name, str | None)
        and isinstance(index.name, str | None)
        and all(str(dtype) in _SIMPLE for dtype in (index.dtype, *frame.dtypes))
    )


def _check_labels(frame: pd.DataFrame) -> None:
    labels: dict[str, Any] = {}
    for label in frame.columns:
        name = name_in_table(label)
        if name in labels:
            raise ValueError(f"columns {labels[name]!r} and {label!r} would have one name; rename one of them")
        labels[name] = label
    if frame.columns.inferred_type.startswith("mixed") and frame.columns.nlevels == 1:
        raise ValueError(f"the column labels {list(labels.values())} would come back as {list(labels)}; rename them")
    for index_name in frame.index.names:
        if not isinstance(index_name, str | int | None):
            raise ValueError(f"the index names {list(frame.index.names)} would come back as others; rename them")


def _check_attributes(given: dict[Any, Any], back: Any) -> None:
    try:
        check_returned(dict(given), back, "use plain JSON there, or BinaryOutput")
    except ValueError as error:
        raise ValueError(f"attrs: {error}") from None


def _check_structure(frame: pd.DataFrame, table: pa.Table, names: list[Any]) -> None:
    parquet = need("pyarrow.parquet", "pandas")
    file = io.BytesIO()
    try:
        parquet.write_table(table.slice(0, 0), file)
        back = to_frame(parquet.ParquetFile(file).read())
    except Exception as error:  # pandas and Arrow may raise anything
        raise ValueError(f"it could never be loaded again: {text_of(error)}") from error
    for what, given, found in _structures(frame, back, names):
        if given != found:
            raise ValueError(f"{what} {given!r} would come back as {found!r}; convert it, or use BinaryOutput")


def _structures(frame: pd.DataFrame, back: pd.DataFrame, names: list[Any]) -> Iterable[tuple[str, Any, Any]]:
    yield "the column labels", list(frame.columns), list(back.columns)
    yield "the types of column labels", list(map(type, frame.columns)), list(map(type, back.columns))
    yield "the names of the column labels", list(frame.columns.names), list(back.columns.names)
    yield "the index names", names, list(back.index.names)
    yield "the index of type", _types_of_index(frame.index), _types_of_index(back.index)
    for label, given, found in zip(frame.columns, frame.dtypes, back.dtypes, strict=True):
        yield f"column {label!r} of type", given, found


def _types_of_index(index: Any) -> list[str]:
    dtypes = index.dtypes if index.nlevels > 1 else [index.dtype]
    return ["category" if str(dtype) == "category" else str(dtype) for dtype in dtypes]


# -- the table


def _data_names(table: pa.Table) -> Sequence[str]:
    """The names of a table's columns that are columns of the frame."""
    index = {name for name in _pandas_metadata(table).get("index_columns", ()) if isinstance(name, str)}
    return [name for name in table.column_names if name not in index]


def _pandas_metadata(table: pa.Table) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    return metadata


def _noted(table: pa.Table, notes: Mapping[str, Any]) -> pa.Table:
    if not notes:
        return table
    metadata = _pandas_metadata(table)
    arrow = {name for name, note in notes.get("columns", {}).items() if note.get("as") == "arrow"}
    for column in metadata["columns"]:
        if column["field_name"] in arrow:  # pandas does not understand its own metadata for some of these
            column.update(numpy_type="object", metadata=None)
    kept = {**table.schema.metadata, b"pandas": json.dumps(metadata).encode(), _KEY: json.dumps(notes).encode()}
    return table.replace_schema_metadata(kept)
