"""``TorchOutput``: tensors, state dicts and the like, as PyTorch saves them."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, cast

from alexflow.formats.file import FileOutput, WriteOnly, of_local_file
from alexflow.formats.libraries import need
from alexflow.formats.numpy import MAPPED_FROM
from alexflow.type_vars import T_co

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


@dataclass(frozen=True, eq=False, repr=False)
class TorchOutput(FileOutput[T_co]):
    """Tensors, a ``state_dict()``, or a checkpoint (``TorchOutput[dict[str, torch.Tensor]]``), as PyTorch saves them.

    With ``weights_only``, the default, nothing is loaded but tensors and plain data, so that loading runs no code: safe
    to share. What could not be loaded so, such as a whole module, is refused when it is stored.

    Attributes:
        weights_only: False also takes objects of any class, as pickle does: then load only what you trust.
    """

    safe_to_share: ClassVar[bool] = True

    weights_only: bool = field(default=True, compare=False)

    def write_to(self, value: T_co, file: BinaryIO) -> None:  # type: ignore[misc]
        torch = need("torch", "torch")
        if self.weights_only:
            _check_loadable(torch, value)
        torch.save(value, cast(Any, WriteOnly(file)))

    def read_from(self, file: BinaryIO) -> T_co:
        return cast(T_co, need("torch", "torch").load(file, weights_only=self.weights_only))

    def load(self, map_location: Any = None) -> T_co:
        """Load the value.

        A file of 1 MiB or more in a local storage is mapped, and parts of it come into memory when they are used;
        tensors may be changed, which does not change the file.

        Args:
            map_location: the device for the tensors, as for :func:`torch.load`: ``"cpu"``, ``"cuda:1"``, a function.

        Raises:
            OutputNotFound: nothing is stored.
            DecodingError: the data are damaged, or need ``weights_only=False``.
        """
        torch = need("torch", "torch")
        settings = {"map_location": map_location, "weights_only": self.weights_only}

        def mapped(path: str) -> T_co:
            with self._decoding():
                return cast(T_co, torch.load(path, mmap=True, **settings))

        found = of_local_file(self, mapped, least=MAPPED_FROM)
        if found is not None:
            return found[0]
        with self.open("rb") as file, self._decoding():
            return cast(T_co, torch.load(file, **settings))

    async def aload(self, map_location: Any = None) -> T_co:
        """:meth:`load`, for ``async def run``."""
        from alexflow.storage.background import in_thread  # deferred: it imports asyncio

        return await in_thread(self.load, map_location)


def _check_loadable(torch: Any, value: Any) -> None:
    """See that a value could be loaded with ``weights_only``: plain data and tensors can; all else is tried."""
    if isinstance(value, torch.nn.Module):
        raise TypeError("it is a whole module; store its state_dict(), or build the output with weights_only=False")
    odd = [part for part in _leaves(value) if type(part) not in (torch.Tensor, torch.nn.Parameter, *_PLAIN)]
    if not odd:
        return
    file = io.BytesIO()
    torch.save(odd, file)
    file.seek(0)
    try:
        torch.load(file, weights_only=True)
    except Exception as error:  # PyTorch raises several
        kinds = ", ".join(sorted({f"{type(part).__module__}.{type(part).__qualname__}" for part in odd}))
        raise TypeError(
            f"it holds {kinds}, which could not be loaded with weights_only; store plain data and tensors, or build "
            f"the output with weights_only=False"
        ) from error


def _leaves(value: Any) -> Iterator[Any]:
    """The parts of a value that are no plain containers."""
    pending, seen = [value], set[int]()
    while pending:
        part = pending.pop()
        if type(part) in (list, tuple, dict, OrderedDict):
            if id(part) not in seen:  # it may contain itself
                seen.add(id(part))
                pending += [*part.keys(), *part.values()] if isinstance(part, dict) else part
        else:
            yield part
