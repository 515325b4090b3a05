"""What the Tea SDKs raise, as a code: their text may hold the whole request."""

from __future__ import annotations

from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.exceptions import UnretryableException

ERRORS = (AlibabaCloudException, UnretryableException)


def code_of(error: Exception) -> str:
    """Empty where no readable answer came."""
    code = getattr(error, "code", None)
    return "" if code in (None, "None") else str(code)
