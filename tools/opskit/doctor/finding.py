"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"  # could not be looked at, or nothing can be said for sure


@dataclass(frozen=True, slots=True)
class Finding:
    """Every one that is not ok has a remedy."""

    level: Level
    what: str
    remedy: str = ""


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warning(what: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, what, remedy)


def failure(what: str, remedy: str) -> Finding:
    return Finding(Level.FAILURE, what, remedy)


def unknown(what: str, remedy: str) -> Finding:
    return Finding(Level.UNKNOWN, what, remedy)
