"""Errors of a whole call, named by what the caller does next; the outcome of one message is a `Receipt`."""

from __future__ import annotations


class ConnectorError(Exception):
    """Something between us and a vendor, or between us and our own store or templates."""


class StopSync(ConnectorError):  # noqa: N818  (named by what the caller does)
    """Nothing will work until a person changes something: wrong password, account closed."""


class TryAgain(ConnectorError):  # noqa: N818
    """Nothing was sent; the same call may work later."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Rejected(ConnectorError):  # noqa: N818
    """This message will never work as it is: its template does not render, its address is not one."""


class Indivisible(ConnectorError):  # noqa: N818
    """The vendor refused a batch because of some message in it and did not say which; nothing was sent."""


class StoreError(ConnectorError, ValueError):
    """The store's URL cannot be used; it is not repeated, because it may hold a password."""
