"""Errors on their way out: a defect becomes one of ours, and every one is told in the log.

A defect loses the text of what caused it, which may hold a payload; where it came from is said.
"""

from __future__ import annotations

from .errors import ProvisionerError, Rejected, Retryable
from .ports import Log

INTERNAL_ERROR = "InternalError"


def as_provisioner_error(error: Exception) -> ProvisionerError:
    if isinstance(error, ProvisionerError):
        return error
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else "nowhere"
    return Retryable(
        INTERNAL_ERROR, f"a defect of this function: {type(error).__name__} in {where}"
    )


def log_error(error: ProvisionerError, log: Log, *, event_id: str = "") -> ProvisionerError:
    log.write(
        "outcome",
        correlation_id=event_id,
        outcome="refused" if isinstance(error, Rejected) else "failed",
        error=error.to_log_fields(),
        retryable=isinstance(error, Retryable),
    )
    return error
