"""Taking part in the leases of a storage that is cleaned up."""

from __future__ import annotations

from alexflow.errors import StorageError
from alexflow.storage import Storage
from alexflow.storage.files import storage_error
from alexflow.storage.leases import Leases, NoLeases


async def join(storage: Storage, leases: Leases) -> None:
    """Join the engines of a storage: what they make must stay, so nothing is removed without leases.

    Raises:
        StorageError: the storage is read-only, or gives none.
    """
    try:
        await leases.join()
    except NoLeases as error:
        raise StorageError(f"nothing can be removed without leases: {error}") from error
    except OSError as error:
        raise storage_error("remove from", str(error.filename or storage), error) from error
