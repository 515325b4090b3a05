"""Steps as structured JSON lines on stdout, and silence from the SDKs' own loggers.

A line holds what the service named: identities and counts. A value that is not plain JSON is
written as the name of its type, so that no object's text can carry a payload or a credential.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from threading import Lock
from typing import IO, Any

from aws_lambda_powertools import Logger

from provisioner.ports import Log

SERVICE = "vservergroup-provisioner"

# Keys that every line has: a field so named gets a final _.
_TAKEN = frozenset({"level", "location", "message", "service", "timestamp"})

# Every logger that an SDK of ours, or what carries it, writes to; children included.
_SDK_LOGGERS = (
    "aiohttp",
    "alibabacloud-tea",
    "apscheduler",
    "charset_normalizer",
    "credentials",  # of alibabacloud_credentials
    "darabonba-core",  # at DEBUG on stderr; with DEBUG=sdk every header and the whole query
    "fc2",
    "mns_python_sdk",
    "requests",
    "urllib3",  # at DEBUG the whole query
    "websocket",
)
_LOUD_ON_ROOT = ("fc2", "darabonba")  # call logging.error() and the like; fc2 with the credentials


@dataclass(frozen=True, slots=True)
class _Output:
    """What a powertools Logger is set up for. A record, a handler and a formatter for each step
    took longer than all the rest: a step is written here, in the text that they make of it."""

    level: int
    service: str
    serialize: Callable[[Any], str]
    handler: logging.StreamHandler[IO[str]]
    writing: Lock = field(default_factory=Lock)


class PowertoolsLog(Log):
    """Bound to one invocation: its fields are part of every line, and of no other's."""

    def __init__(self, output: _Output, /, **bound: object) -> None:
        self._output = output
        self._bound = bound

    def bind(self, /, **fields: object) -> PowertoolsLog:
        return PowertoolsLog(self._output, **self._bound | fields)

    def write(self, name: str, /, **fields: object) -> None:
        # In one piece: it is run after each call of the cloud, when nothing of it is in the
        # processor's caches any more.
        output = self._output
        try:
            level = _level(name, str(fields.get("outcome")))
            if level < output.level:
                return
            told = self._bound | fields
            if None in told.values() or not _TAKEN.isdisjoint(told):
                told = {_free(key): value for key, value in told.items() if value is not None}
            taken = sys._getframe(1)  # noqa: SLF001 - as logging itself
            second, microseconds = divmod(round(time.time() * 1e6), 1_000_000)
            line = {
                "level": _level_name(level),
                "location": f"{taken.f_code.co_name}:{taken.f_lineno}",
                "message": name,
                "timestamp": f"{_second(second)}.{microseconds // 1000:03d}+00:00",
                "service": output.service,
                **told,
            }
            text, stream = output.serialize(line), output.handler.stream
            with output.writing:
                stream.write(f"{text}\n")
                stream.flush()
        except Exception:  # noqa: BLE001 - as any handler: what cannot be logged stops no event
            output.handler.handleError(logging.makeLogRecord({"msg": name}))


def _free(key: str) -> str:
    return f"{key}_" if key in _TAKEN else key


@lru_cache(maxsize=8)  # several steps are taken in one
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


def build_log(
    level: str, *, stream: IO[str] | None = None, service: str = SERVICE
) -> PowertoolsLog:
    """One per process: powertools keeps one configuration per service name."""
    handler = logging.StreamHandler(stream or sys.stdout)
    serialize = partial(
        json.dumps, separators=(",", ":"), default=lambda value: type(value).__name__
    )
    made = Logger(
        service=service,
        level=level,
        logger_handler=handler,
        json_serializer=serialize,
        utc=True,
        use_rfc3339=True,
    )
    # From Python 3.12 on, any record, whoever makes it, asks a loaded asyncio for its task: it
    # would load the stand-in's original.
    vars(logging)["logAsyncioTasks"] = False
    return PowertoolsLog(_Output(made.log_level, service, serialize, handler))


def silence_sdk_loggers() -> None:
    """Whatever level anyone sets, before or after; the host's own handlers stay as they are."""
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.disabled = True  # survives an SDK's setLevel() when it is imported later
        logger.propagate = False  # for its children
        logger.addHandler(_NOWHERE)
    logging.getLogger().addFilter(_not_from_an_sdk)


_level_name = cache(logging.getLevelName)
_OUTCOMES = {"refused": logging.WARNING, "failed": logging.ERROR}
_LOUD = {"paused": logging.WARNING, "circuit_breaker": logging.ERROR}
_NOWHERE = logging.NullHandler()


def _not_from_an_sdk(record: logging.LogRecord) -> bool:
    """A filter of the root logger sees only what is logged to that very logger."""
    for name in _LOUD_ON_ROOT:
        places = getattr(sys.modules.get(name), "__path__", ())
        if any(record.pathname.startswith(f"{place}/") for place in places):
            return False
    return True


@lru_cache(maxsize=64)
def _level(name: str, outcome: str) -> int:
    """A failed call may yet be made good; an outcome that failed was not."""
    if name.endswith(".failed"):
        return logging.WARNING
    if name == "outcome":
        return _OUTCOMES.get(outcome, logging.INFO)
    return _LOUD.get(name, logging.INFO)
