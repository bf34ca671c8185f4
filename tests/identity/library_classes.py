"""Classes of pydantic and attrs, for a module that has both."""

from typing import Any

import attrs
import pydantic


class Model(pydantic.BaseModel):
    a: int
    b: float | None = pydantic.Field(default=None, alias="bee")
    inner: Any = None


class Open(pydantic.BaseModel, extra="allow"):
    a: int


@attrs.frozen
class Attrs:
    a: int
    _hidden: Any = None
    note: str = attrs.field(default="", eq=False)


@attrs.frozen
class Marked:
    a: int = attrs.field(metadata={"secret": True})
