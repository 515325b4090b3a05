"""Turn any exception into a typed error, and write errors to the log.

The text of an unexpected exception may hold a payload. It is dropped; the place where the
exception was raised is kept.
"""

from __future__ import annotations

from .errors import ProvisionerError, Rejected, Retryable
from .ports import Log

INTERNAL_ERROR = "InternalError"


def as_provisioner_error(error: Exception) -> ProvisionerError:
    """Return the error itself if it is typed, or else an `InternalError` that says where."""
    if isinstance(error, ProvisionerError):
        return error
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else "unknown place"
    message = f"unexpected {type(error).__name__} in {place}; please report it"
    return Retryable(INTERNAL_ERROR, message)


def log_error(error: ProvisionerError, log: Log, *, event_id: str = "") -> ProvisionerError:
    """Write the error as the outcome of an event, and return it."""
    log.write(
        "outcome",
        correlation_id=event_id,
        outcome="refused" if isinstance(error, Rejected) else "failed",
        error=error.to_log_fields(),
        retryable=isinstance(error, Retryable),
    )
    return error
