"""``SafetensorsOutput``: arrays by name, in the format that models are shared in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar, cast

from alexflow.formats.file import FileOutput
from alexflow.formats.libraries import need

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False, repr=False)
class SafetensorsOutput(FileOutput[Mapping[str, T_co]], Generic[T_co]):
    """NumPy arrays by name (``SafetensorsOutput[NDArray[np.float32]]``) as ``.safetensors``. Safe to share."""

    safe_to_share: ClassVar[bool] = True

    def store(self, value: Mapping[str, T_co]) -> None:
        library = need("safetensors.numpy", "safetensors")
        with self.path("w") as path, self._encoding(value):
            library.save_file(dict(value), path)

    def load(self) -> Mapping[str, T_co]:
        library = need("safetensors.numpy", "safetensors")
        with self.path() as path, self._decoding():
            return cast("Mapping[str, T_co]", library.load_file(path))
