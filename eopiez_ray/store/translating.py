"""asyncpg's errors as ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from ..errors import DatabaseFullError, DatabaseUnavailableError, StoreError, WriteRefusedError
from .addresses import no_address, redacted, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # A connection cut off in the middle of an answer is out of sync.
    TimeoutError,
    asyncpg.InsufficientResourcesError,  # Too many clients, or no memory: both pass.
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # A standby that is about to take over.
)
"""What asyncpg raises when the server is gone, shutting down, or has no room for us."""
REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalServerError,
)
"""What asyncpg raises when the server refuses a value, or so much at once."""


@contextmanager
def translated(url: str) -> Iterator[None]:
    """asyncpg's errors as ours."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise DatabaseFullError(
            f"the database at {redacted(url)} has no disk space left; free some and resume"
        ) from error
    except REFUSED as error:
        raise WriteRefusedError(f"the database refuses this write: {error}") from error
    except LOST as error:
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):  # asyncpg's own check.
            raise WriteRefusedError(f"this cannot be written to the database: {error}") from error
        raise DatabaseUnavailableError(
            f"lost the database at {redacted(url)}: {error or type(error).__name__}"
        ) from error
    except asyncpg.PostgresError as error:
        raise StoreError(f"the database at {redacted(url)} failed: {error}") from error


@contextmanager
def reached(url: str, name: str = "EOPIEZ_DATABASE_URL") -> Iterator[None]:
    """What keeps us from a database, as our error. ``name`` is that of the setting."""
    try:
        yield
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        raise DatabaseUnavailableError(
            f"the database at {redacted(url)} refuses the connection: {error}; check {name}"
        ) from error
    except ValueError:  # Without its cause, which may quote part of the password.
        raise DatabaseUnavailableError(no_address(name)) from None
    except asyncpg.ProtocolViolationError as error:
        raise DatabaseUnavailableError(unsupported(url, error)) from error
    except LOST as error:
        raise DatabaseUnavailableError(
            f"cannot reach the database at {redacted(url)}: {error or type(error).__name__}; is it running?"
        ) from error
