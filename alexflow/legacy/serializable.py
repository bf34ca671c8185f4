"""``Serializable``: the base class that 1.x took from ``dataclass_serializer``, for users' dataclasses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

from alexflow.legacy.names import former_fields
from alexflow.model import no_default
from alexflow.model.class_info import field_info


class Serializable:
    """Base of frozen dataclasses that may be parameters of tasks: their fields count in ids, they enter documents."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            info = field_info(field, type(self))
            value = getattr(self, field.name)
            if value is None:
                if not info.allows_none:
                    raise TypeError(f"{field.name} is not optional")
            elif value is no_default:
                raise TypeError(f"__init__ missing 1 required argument: '{field.name}'")
            elif info.contract is not None and not info.contract(value):
                raise ValueError(f"break the contract for {field.name}, {type(self).__name__}")

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, field.name) for name, field in former_fields(type(self))}

    def serialize(self) -> dict[str, Any]:
        """A document of 1.x (:func:`alexflow.legacy.serialize`)."""
        from alexflow.legacy.documents import serialize  # deferred, here and below: few tasks meet a document

        return cast(dict[str, Any], serialize(self))

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """An instance from its document."""
        from alexflow.legacy.documents import SER, deserialize

        return cast(Self, deserialize({**data, SER: f"{cls.__module__}:{cls.__qualname__}"}))

    def validate(self) -> None:
        """Check that its document gives an equal instance.

        Raises:
            ValueError: the instance differs.
        """
        from alexflow.legacy.documents import deserialize

        if self != deserialize(json.loads(json.dumps(self.serialize()))):
            raise ValueError("could not be deserialized with same value")


@dataclass(frozen=True)
class Partial(Serializable):
    """A function with some of its arguments, as a parameter."""

    func: Callable[..., Any]
    kwargs: dict[str, Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.func(*args, **self.kwargs, **kwargs)


def partial(func: Callable[..., Any], **kwargs: Any) -> Partial:
    """``func`` with some of its keyword arguments given."""
    return Partial(func, kwargs)
