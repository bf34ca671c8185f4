"""How a value becomes bytes: one output class per format."""

from typing import TYPE_CHECKING

from alexflow.ondemand import on_demand

if TYPE_CHECKING:
    from alexflow.formats.binary import BinaryOutput
    from alexflow.formats.json import JSONOutput
    from alexflow.formats.serializable import SerializableOutput

__all__ = ["BinaryOutput", "JSONOutput", "SerializableOutput"]

__getattr__, __dir__ = on_demand(
    __name__,
    {
        "BinaryOutput": "alexflow.formats.binary",
        "JSONOutput": "alexflow.formats.json",
        "SerializableOutput": "alexflow.formats.serializable",
    },
)
