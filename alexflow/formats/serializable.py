"""``SerializableOutput``: a task, an output, or a dataclass, as a document."""

from __future__ import annotations

from typing import cast

import msgspec

from alexflow.formats.gzipped import compress, decompress
from alexflow.model.output import Output
from alexflow.type_vars import T_co


class SerializableOutput(Output[T_co]):
    """Anything that may be a task's parameter (a task, an output, a workflow, a dataclass, a container of those) as a
    gzip-compressed JSON document, which comes back equal. Outputs come back unbound.

    Loading imports the modules of the classes that the document names, and raises DocumentError if one has changed so
    that its tasks have other ids.
    """

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        from alexflow.serialization import from_json, to_json  # deferred: few workers need it

        document = to_json(value)
        from_json(document)  # refuses values that can be written but not read, such as a class local to a function
        return compress(document)

    def decode(self, data: bytes) -> T_co:
        from alexflow.serialization import deserialize  # deferred: few workers need it

        document = msgspec.json.decode(decompress(data))  # what it raises is due to the data, and not to a class
        return cast(T_co, deserialize(document))
