"""Backend servers: reading the BackendServers parameter, and the rules of one backend."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple

from localcloud.wire.errors import ApiError

PER_CALL = 20  # doc
DEFAULT_WEIGHT = 100  # doc, later editions
TYPES = ("ecs", "eni", "eci")  # doc
NAME_LENGTH = 80  # doc, names and descriptions
# doc: letters, digits and - / . _; the Chinese edition adds Chinese characters.
NAME = re.compile(r"[A-Za-z0-9\-/._\u4e00-\u9fa5]+")
_ID = re.compile(r"[A-Za-z0-9\-._:]+")  # inferred: ids, and addresses of both families
_INVALID = "The specified BackendServers is invalid."  # doc


class BackendKey(NamedTuple):
    server_id: str
    port: int
    ip: str


@dataclass(frozen=True)
class Backend:
    server_id: str
    port: int
    weight: int | None = None  # None: not stated
    type: str | None = None
    ip: str = ""
    description: str | None = None

    @property
    def key(self) -> BackendKey:
        return BackendKey(self.server_id, self.port, self.ip)

    def settled(self) -> Backend:
        weight = DEFAULT_WEIGHT if self.weight is None else self.weight
        return replace(self, weight=weight, type=self.type or "ecs")

    def updated(self, other: Backend) -> Backend:
        """What SetVServerGroupAttribute changes: weight and description, where stated."""
        weight = self.weight if other.weight is None else other.weight
        description = self.description if other.description is None else other.description
        return replace(self, weight=weight, description=description)

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = {
            "Type": self.type,
            "ServerId": self.server_id,
            "Port": self.port,
            "Weight": self.weight,
        }
        # sdk: the keys are absent when unset.
        if self.ip:
            described["ServerIp"] = self.ip
        if self.description:
            described["Description"] = self.description
        return described


def parse(text: str | None) -> list[Backend]:
    """JSON, or the page's own single-quoted form (doc); at most 20, each backend once."""
    if text is None:
        return []
    rows = _decode(text)
    if isinstance(rows, list) and len(rows) > PER_CALL:
        raise refused("TooManyBackendServers", f"At most {PER_CALL} backend servers per call.")
    return read(rows)


def read(rows: Any) -> list[Backend]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _malformed()
    found: dict[BackendKey, Backend] = {}
    for backend in map(_read, rows):
        # inferred: named twice in one call, a backend counts once, as first stated.
        found.setdefault(backend.key, backend)
    return list(found.values())


def named_servers(text: str | None) -> set[str]:
    """The ids of the servers in a BackendServers parameter; none where it cannot be read."""
    try:
        return {backend.server_id for backend in parse(text)}
    except ApiError:
        return set()


def check_name(name: str, what: str) -> None:
    if len(name) > NAME_LENGTH:
        raise refused("InvalidParameterLength", f"The {what} is longer than {NAME_LENGTH}.")
    if not NAME.fullmatch(name):
        raise refused("InvalidParameter", f"The {what} holds characters that are not allowed.")


def refused(code: str, message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, code, message)


def _decode(text: str) -> Any:
    for form in (text, text.replace("'", '"')):
        try:
            return json.loads(form)
        except (ValueError, RecursionError):
            continue
    raise _malformed()


def _read(row: dict[str, Any]) -> Backend:
    # seen: clients write keys in other cases and add keys of their own.
    given = {key.lower(): value for key, value in row.items() if value is not None}
    backend = Backend(
        server_id=_text(given, "serverid"),
        port=_number(given.get("port"), 1, 65535, "InvalidParameter"),
        weight=_weight(given.get("weight")),
        type=_text(given, "type").lower() or None,
        ip=_text(given, "serverip"),
        description=_text(given, "description") or None,
    )
    if not _ID.fullmatch(backend.server_id) or (backend.ip and not _ID.fullmatch(backend.ip)):
        raise _invalid()
    if backend.type not in (None, *TYPES):
        raise refused("BackendServer.InvalidType", "The specified Type is invalid.")
    if backend.description:
        check_name(backend.description, "Description of a backend server")
    return backend


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise _invalid()
    return value


def _weight(value: Any) -> int | None:
    return None if value is None else _number(value, 0, 100, "InvalidWeight.Malformed")


def _number(value: Any, low: int, high: int, code: str) -> int:
    """An integer, or a string of digits (doc: the page's example quotes its numbers)."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise refused(code, _INVALID)
    return value


def _invalid() -> ApiError:
    return refused("InvalidParameter", _INVALID)


def _malformed() -> ApiError:
    return refused("BackendServersMalformed", "The specified BackendServers is not a JSON list.")
