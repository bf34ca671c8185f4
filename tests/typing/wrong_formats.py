"""Uses that must not pass: each line with ``# error`` is one for mypy and for pyright, and no other line is."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alexflow import Task, formats, legacy

build = Task().build_output

build(formats.TextOutput, "a").store(1)  # error
build(formats.BytesOutput, "a").store("1")  # error
build(formats.NumpyOutput[NDArray[np.float64]], "a").store("1")  # error
build(formats.PandasOutput, "a").store(pa.table({}))  # error
build(formats.ParquetOutput, "a").load(columns=3)  # error
build(legacy.BinaryDatasetOutput, "a").store(3)  # error
build(formats.DirectoryOutput, "a").store(3)  # error
build(formats.TextOutput, "a").open("w")  # error
build(formats.TextOutput, "a").open("wb").write(b"1")  # error: it is no file before the block is entered
build(formats.TextOutput, "a").path("a")  # error
build(formats.TextOutput, "a").open().write("1")  # error
