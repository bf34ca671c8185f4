"""``SafetensorsOutput``: arrays by name, in the format that models are shared in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, cast

from alexflow.formats.file import FileOutput
from alexflow.formats.libraries import need
from alexflow.hooks import a_thing, class_name
from alexflow.type_vars import T_co


class SafetensorsOutput(FileOutput[Mapping[str, T_co]], Generic[T_co]):
    """NumPy arrays by name (``SafetensorsOutput[NDArray[np.float32]]``) as ``.safetensors``. Safe to share."""

    safe_to_share: ClassVar[bool] = True

    def store(self, value: Mapping[str, T_co]) -> None:
        library = need("safetensors.numpy", "safetensors")
        with self.path("w") as path, self._encoding(value):
            library.save_file({name: _array(name, array) for name, array in value.items()}, path)

    def load(self) -> Mapping[str, T_co]:
        library = need("safetensors.numpy", "safetensors")
        with self.path() as path, self._decoding():
            return cast("Mapping[str, T_co]", library.load_file(path))


def _array(name: str, array: Any) -> Any:
    numpy = need("numpy", "safetensors")
    if name == "__metadata__":
        raise ValueError(f"{name!r} has a meaning of its own in safetensors; give the array another name")
    if type(array) not in (numpy.ndarray, numpy.memmap):
        kind = class_name(type(array))
        hint = "; convert it: {name: tensor.numpy(force=True) …}" if kind.startswith("torch.") else ""
        raise TypeError(f"{name!r} is {a_thing(kind)}, not a NumPy array{hint}")
    if array.dtype.names or array.dtype.subdtype:
        raise TypeError(f"{name!r} has the dtype {array.dtype}, which safetensors lacks; convert it, or use NpzOutput")
    if not array.dtype.isnative:
        native = array.dtype.newbyteorder("=")
        raise TypeError(
            f"{name!r} has the dtype {array.dtype.str!r}, whose order of bytes safetensors lacks: it would return as "
            f"{native.str!r}; convert it with .astype({native.str!r}), or use NpzOutput"
        )
    return numpy.ascontiguousarray(array).reshape(
        array.shape
    )  # the library writes its memory without looking at strides
