"""What Function Compute's context and environment say, in every shape that its runtimes give them.

Up to Python 3.10 the context has `credentials` and `service`; 3.12's has neither, and the role's
credentials stand in the environment. No runtime tells the time that is left: it follows from the
function's timeout, which may be a string.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from .ports import Credentials

DEFAULT_TIMEOUT = 3.0  # seconds: Function Compute's own default


def request_id(context: Any) -> str:
    return _text(getattr(context, "request_id", ""))


def timeout(context: Any) -> float:
    """Seconds that this invocation may take."""
    return told_timeout(context) or DEFAULT_TIMEOUT


def told_timeout(context: Any) -> float | None:
    """None: the context does not say, or says what is no number of seconds."""
    value = getattr(getattr(context, "function", None), "timeout", None)
    try:
        seconds = float(value) if value else 0.0
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < inf else None


def credentials(context: Any, environ: Mapping[str, str]) -> Credentials:
    """The role's, as fresh as this invocation: they rotate under a warm instance."""
    given = getattr(context, "credentials", None)
    key = _text(getattr(given, "access_key_id", ""))
    secret = _text(getattr(given, "access_key_secret", ""))
    if key and secret:
        return Credentials(key, secret, _text(getattr(given, "security_token", "")))
    return Credentials(
        environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
        environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
