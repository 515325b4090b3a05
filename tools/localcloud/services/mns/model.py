"""What queues and topics have in common: names, attributes with their limits, sizes, errors."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_SIZE = 65536  # doc: bytes
BATCH = 16  # doc: messages, and MESSAGE_SIZE in total
TAG_LENGTH = 16  # doc
SUBSCRIPTIONS = 100  # doc: per topic
_NAME = re.compile(r"[A-Za-z0-9-]{1,120}")  # doc


class Limits(NamedTuple):
    low: int
    high: int
    default: int
    unit: str = "seconds"


# doc
QUEUE_ATTRIBUTES = {
    "DelaySeconds": Limits(0, 604800, 0),
    "MaximumMessageSize": Limits(1024, MESSAGE_SIZE, MESSAGE_SIZE, "bytes"),
    "MessageRetentionPeriod": Limits(60, 604800, 345600),
    "VisibilityTimeout": Limits(1, 43200, 30),
    "PollingWaitSeconds": Limits(0, 30, 0),
}
TOPIC_ATTRIBUTES = {"MaximumMessageSize": QUEUE_ATTRIBUTES["MaximumMessageSize"]}
TOPIC_RETENTION = 86400  # doc
PRIORITY = Limits(1, 16, 8, "")
WAIT = QUEUE_ATTRIBUTES["PollingWaitSeconds"]
VISIBILITY = QUEUE_ATTRIBUTES["VisibilityTimeout"]


class Attributes(NamedTuple):
    numbers: dict[str, int]
    logging_enabled: bool

    def describe(self) -> dict[str, int | str]:
        return {**self.numbers, "LoggingEnabled": str(self.logging_enabled)}


def read_attributes(
    given: Mapping[str, str], limits: Mapping[str, Limits], base: Attributes | None = None
) -> Attributes:
    """Those given, checked; the rest as in `base`, or by default."""
    numbers = dict(base.numbers) if base else {}
    for name, limit in limits.items():
        if name in given:
            numbers[name] = number(name, given[name], limit)
        else:
            numbers.setdefault(name, limit.default)
    logging_enabled = base.logging_enabled if base else False
    if "LoggingEnabled" in given:
        logging_enabled = given["LoggingEnabled"].lower() == "true"
    return Attributes(numbers, logging_enabled)


def number(name: str, text: str, limit: Limits) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not limit.low <= int(text) <= limit.high:
        raise out_of_range(name, limit)
    return int(text)


def out_of_range(name: str, limit: Limits) -> ApiError:
    # doc, sic
    message = f"The value of {name} should between {limit.low} and {limit.high} {limit.unit}"
    return invalid_argument(f"{message.rstrip()}.")


def invalid_argument(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)


def check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid_argument(f"The {what} is not 1 to 120 letters, digits and hyphens.")


def check_body(body: str, largest: int = MESSAGE_SIZE) -> None:
    if not 1 <= len(body.encode()) <= largest:
        raise out_of_range("MessageBody", Limits(1, largest, 0, "bytes"))


def digest(body: str) -> str:
    """MessageBodyMD5: of the text as transmitted (unknown; likely)."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest().upper()


def not_found(kind: str) -> ApiError:
    messages = {
        "Queue": "The queue name you provided is not exist.",
        "Topic": "The topic you provided does not exist.",
        "Subscription": "The subscription you provided does not exist.",  # inferred
        "Message": "Message not exist.",
    }
    return ApiError(HTTPStatus.NOT_FOUND, f"{kind}NotExist", messages[kind])


def conflict(kind: str) -> ApiError:
    message = f"The {kind.lower()} you want to create already exists with other attributes."
    return ApiError(HTTPStatus.CONFLICT, f"{kind}AlreadyExist", message)
