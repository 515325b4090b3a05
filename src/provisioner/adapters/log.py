"""Steps as structured JSON lines on stdout, and silence from the SDKs' own loggers.

A line holds what the service named: identities and counts. A value that is not plain JSON is
written as the name of its type, so that no object's text can carry a payload or a credential.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from threading import Lock
from types import FrameType
from typing import IO, TYPE_CHECKING

from provisioner.ports import Log

from .sdk import importing_parts_in_use

with importing_parts_in_use():
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

if TYPE_CHECKING:
    _ToStream = logging.StreamHandler[IO[str]]
else:
    _ToStream = logging.StreamHandler  # not generic before Python 3.11

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


class StepLog(Log):
    """Bound to one invocation: its fields are part of every line, and of no other's."""

    def __init__(self, logger: logging.Logger, **bound: object) -> None:
        self._logger = logger
        self._bound = _told(bound)

    def bind(self, **fields: object) -> StepLog:
        return StepLog(self._logger, **self._bound | fields)

    def step(self, name: str, /, **fields: object) -> None:
        level = _level(name, fields)
        if level < self._logger.level:
            return
        taken = sys._getframe(1)  # noqa: SLF001 - as logging itself
        told = self._bound | _told(fields)
        for handler in self._logger.handlers:
            if isinstance(handler, _Lines):
                handler.tell(self._logger.name, level, name, taken, told)
            else:
                handler.handle(_record(self._logger.name, level, name, taken))


def _told(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        f"{key}_" if key in _TAKEN else key: value
        for key, value in fields.items()
        if value is not None
    }


class _Lines(_ToStream):
    """Writes a step as it is. A record, which asks the system for what no line shows, and a
    formatter that looks for what else it may hold, take longer than all the rest."""

    def __init__(self, stream: IO[str], formatter: LambdaPowertoolsFormatter) -> None:
        super().__init__(stream)
        self._writing = Lock()
        self._serialize = formatter.json_serializer

    def tell(
        self, service: str, level: int, name: str, taken: FrameType, fields: Mapping[str, object]
    ) -> None:
        now = time.time()
        second = int(now)
        told: dict[str, object] = {
            "level": _level_name(level),
            "location": f"{taken.f_code.co_name}:{taken.f_lineno}",
            "message": name,
            "timestamp": f"{_second(second)}.{int((now - second) * 1000):03d}+00:00",
            "service": service,
            **fields,
        }
        try:
            line = f"{self._serialize(told)}\n"
            with self._writing:
                self.stream.write(line)
                self.stream.flush()
        except Exception:  # noqa: BLE001 - as any handler: what cannot be logged stops no event
            self.handleError(_record(service, level, name, taken))


def _record(service: str, level: int, name: str, taken: FrameType) -> logging.LogRecord:
    """Of a step, for handlers that know nothing of them."""
    code = taken.f_code
    where = (code.co_filename, taken.f_lineno)
    return logging.LogRecord(service, level, *where, name, (), None, code.co_name)


@lru_cache(maxsize=8)  # several steps are taken in one
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


_level_name = cache(logging.getLevelName)


def new_logger(
    level: str, *, stream: IO[str] | None = None, service: str = SERVICE
) -> logging.Logger:
    """One per process: powertools keeps one configuration per service name."""
    formatter = LambdaPowertoolsFormatter(json_serializer=_encoder.encode, utc=True)
    Logger(
        service=service,
        level=level,
        logger_handler=_Lines(stream or sys.stdout, formatter),
        logger_formatter=formatter,
    )
    # From Python 3.12 on, a record asks a loaded asyncio for its task, and would load its stand-in.
    vars(logging)["logAsyncioTasks"] = False
    made = logging.getLogger(service)
    # Whatever the host has on the root logger would print each line a second time.
    made.propagate = False
    return made


def silence_sdk_loggers() -> None:
    """Whatever level anyone sets, before or after; the host's own handlers stay as they are."""
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.disabled = True  # survives an SDK's setLevel() when it is imported later
        logger.propagate = False  # for its children
        logger.addHandler(_NOWHERE)
    logging.getLogger().addFilter(_not_from_an_sdk)


# One for all lines: json.dumps would make one for each.
_encoder = json.JSONEncoder(separators=(",", ":"), default=lambda value: type(value).__name__)
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


def _level(name: str, fields: Mapping[str, object]) -> int:
    """A failed call may yet be made good; an outcome that failed was not."""
    if name.endswith(".failed"):
        return logging.WARNING
    if name == "outcome":
        return _OUTCOMES.get(str(fields.get("outcome")), logging.INFO)
    return _LOUD.get(name, logging.INFO)
