"""Task graphs to flat, versioned documents and back (docs/design/documents.md states the format)."""

from alexflow.serialization.document import (
    FORMAT,
    VERSION,
    deserialize,
    from_json,
    from_msgpack,
    serialize,
    to_json,
    to_msgpack,
)

__all__ = ["FORMAT", "VERSION", "deserialize", "from_json", "from_msgpack", "serialize", "to_json", "to_msgpack"]
