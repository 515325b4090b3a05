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
        self._bound = bound

    def bind(self, **fields: object) -> StepLog:
        return StepLog(self._logger, **self._bound | fields)

    def step(self, name: str, /, **fields: object) -> None:
        level = _level(name, fields)
        if level >= self._logger.level:
            self._logger.handle(_Step(self._logger.name, level, name, self._bound | fields))


class _Step(logging.LogRecord):
    """Who took it stands two frames up: the stack is not searched, nor is the system asked for what
    no line shows; of these a record has what a blank one has."""

    def __init__(self, logger: str, level: int, name: str, fields: dict[str, object]) -> None:
        taken = sys._getframe(2)  # noqa: SLF001 - what logging itself calls
        vars(self).update(_blank())
        self.name, self.msg = logger, name
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.created = time.time()
        self.msecs = int(self.created % 1 * 1000) + 0.0
        self.funcName, self.lineno = taken.f_code.co_name, taken.f_lineno
        self.pathname = taken.f_code.co_filename
        self.fields = fields


@cache
def _blank() -> Mapping[str, object]:
    return vars(logging.makeLogRecord({}))


class _Line(LambdaPowertoolsFormatter):
    """Of a step. Looking for what else a record may hold takes longer than all the rest."""

    def format(self, record: logging.LogRecord) -> str:
        assert isinstance(record, _Step)
        told: dict[str, object] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.msg,
            "timestamp": _timestamp(record.created),
            "service": record.name,
        }
        for key, value in record.fields.items():
            if value is not None:
                told[f"{key}_" if key in _TAKEN else key] = value
        return _encoder.encode(told)


def _timestamp(since_1970: float) -> str:
    second = int(since_1970)
    return f"{_second(second)}.{int((since_1970 - second) * 1000):03d}+00:00"


@lru_cache(maxsize=8)  # several steps are taken in one
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


class _Lines(_ToStream):
    """Has one formatter and no filter, and so asks for neither."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._writing = Lock()

    def handle(self, record: logging.LogRecord) -> bool:
        try:
            line = f"{self.format(record)}\n"
            with self._writing:
                self.stream.write(line)
                self.stream.flush()
        except Exception:  # noqa: BLE001 - as any handler: what cannot be logged stops no event
            self.handleError(record)
        return True


def new_logger(
    level: str, *, stream: IO[str] | None = None, service: str = SERVICE
) -> logging.Logger:
    """One per process: powertools keeps one configuration per service name."""
    Logger(
        service=service,
        level=level,
        logger_handler=_Lines(stream or sys.stdout),
        logger_formatter=_Line(),
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
