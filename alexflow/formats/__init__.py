"""How a value becomes bytes: one output class per format."""

from alexflow.formats.binary import BinaryOutput
from alexflow.formats.json import JSONOutput
from alexflow.formats.serializable import SerializableOutput

__all__ = ["BinaryOutput", "JSONOutput", "SerializableOutput"]
