"""The bytes of an event, from a file or from standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from provisioner.errors import Code, Rejected
from provisioner.triggers import decode

from .ending import UnusableError

_WSGI = {"method", "path", "headers", "body"}


def payload_of(event: str) -> bytes:
    try:
        payload = sys.stdin.buffer.read() if event == "-" else Path(event).read_bytes()
    except OSError as error:
        raise UnusableError(f"{event}: {error.strerror}") from error
    if _is_of_wsgi(payload):
        raise UnusableError(f"{event}: describes a WSGI request; it is for tests")
    return payload


def _is_of_wsgi(payload: bytes) -> bool:
    """By its keys, which are no trigger's."""
    (item, *rest) = decode(payload)
    if rest or not isinstance(item, Rejected) or item.code != Code.UNKNOWN_ENVELOPE.value:
        return False
    try:
        value = json.loads(payload)
    except ValueError:
        return False
    return isinstance(value, dict) and value.keys() >= _WSGI
