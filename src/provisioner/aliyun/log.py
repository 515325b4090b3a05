"""Write each step of the function as a line of JSON, by powertools' Logger, and silence the SDKs.

A line holds what its caller names: identities and counts. A value that is not plain JSON is written
as the name of its type, so that the text of no object can carry a payload or a credential.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from functools import partial
from typing import IO

from aws_lambda_powertools import Logger

from provisioner.ports import Log

SERVICE = "vservergroup-provisioner"

# Names that logging or powertools gives to a field of every line.
_RESERVED = frozenset(
    {
        *vars(logging.makeLogRecord({})),
        *("asctime", "level", "location", "message", "service", "timestamp"),
        *("stack_trace", "xray_trace_id"),
    }
)
_CALLER = 3  # the level of the stack that `location` names: above Logger.info and `write`

# A call that failed may yet succeed, so `*.failed` is a warning; an outcome that failed is final.
_LEVELS = {
    "paused": logging.WARNING,
    "group_unused": logging.WARNING,
    "circuit_breaker": logging.ERROR,
}
_OUTCOME_LEVELS = {"refused": logging.WARNING, "failed": logging.ERROR}

# The loggers of the SDKs and of what they are built on, with their children.
_SDK_LOGGERS = (
    "aiohttp",
    "alibabacloud-tea",
    "apscheduler",
    "charset_normalizer",
    "credentials",  # of alibabacloud_credentials
    "darabonba-core",  # writes to stderr at DEBUG; with DEBUG=sdk all headers and the whole query
    "mns_python_sdk",
    "requests",
    "urllib3",  # writes the whole query at DEBUG
    "websocket",
)


class PowertoolsLog(Log):
    """A log whose fields are part of each of its lines.

    It never changes, and its fields are in no other log: invocations and threads share nothing but
    the Logger, which gets the fields with each line.
    """

    def __init__(self, logger: Logger, fields: Mapping[str, object]) -> None:
        self._logger = logger
        self._fields = fields

    def bind(self, /, **fields: object) -> PowertoolsLog:
        return PowertoolsLog(self._logger, {**self._fields, **fields})

    def write(self, name: str, /, **fields: object) -> None:
        """Write a line. A field with a reserved name gets a final _; powertools leaves out None.

        Where the line cannot be written, logging reports that on standard error and goes on.
        """
        extra = {
            f"{key}_" if key in _RESERVED else key: value
            for key, value in {**self._fields, **fields}.items()
        }
        write = {
            logging.INFO: self._logger.info,
            logging.WARNING: self._logger.warning,
            logging.ERROR: self._logger.error,
        }[_choose_level(name, fields.get("outcome"))]
        write(name, extra=extra, stacklevel=_CALLER)


def build_log(
    level: str, *, stream: IO[str] | None = None, service: str = SERVICE
) -> PowertoolsLog:
    """Build the log of a process. powertools keeps one configuration for each service."""
    logger = Logger(
        service=service,
        level=level,
        logger_handler=logging.StreamHandler(stream or sys.stdout),
        # ASCII, unlike powertools' own: half of a surrogate pair could not be written otherwise.
        json_serializer=partial(json.dumps, separators=(",", ":"), default=_name_type),
        utc=True,
        use_rfc3339=True,
    )
    logging.getLogger(service).propagate = False  # the host's handlers would write a line again
    return PowertoolsLog(logger, {})


def silence_sdk_loggers() -> None:
    """Silence the SDKs, whatever levels are set before or after. The host's handlers stay."""
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.disabled = True  # an SDK that is imported later sets a level, but not this
        logger.propagate = False  # for its children
        logger.addHandler(_NOWHERE)


_NOWHERE = logging.NullHandler()


def _choose_level(name: str, outcome: object) -> int:
    if name.endswith(".failed"):
        return logging.WARNING
    if name == "outcome" and isinstance(outcome, str):
        return _OUTCOME_LEVELS.get(outcome, logging.INFO)
    return _LEVELS.get(name, logging.INFO)


def _name_type(value: object) -> str:
    return type(value).__name__
