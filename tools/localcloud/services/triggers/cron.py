"""When a timer fires: `@every 4m`, or a cron expression of six fields, in UTC (unknown; likely).

    second minute hour day-of-month month day-of-week

A field is `*` or `?`, a number, a range `a-b`, a step `a/n`, `a-b/n` or `*/n`, or a list of these;
Sunday is 0 or 7, and three letters name a weekday or a month. With both day fields given, either
will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Protocol

_EVERY = re.compile(r"@every (\d{1,6})([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LIMITS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES = {
    **{name: str(number) for number, name in enumerate(_MONTHS, 1)},
    **{name: str(number) for number, name in enumerate(_DAYS)},
}
_ITEM = re.compile(r"(\*|\?|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?")
_YEARS = 8  # from one 29 February to the next, at most


class Schedule(Protocol):
    def after(self, moment: float) -> float:
        """The first tick after the moment."""


def read(text: str) -> Schedule:
    """ValueError if it is none."""
    every = _EVERY.fullmatch(text)
    if every and int(every[1]):
        return Every(int(every[1]) * _UNITS[every[2]])
    fields = text.split()
    if len(fields) != len(_LIMITS):
        raise ValueError("neither @every with s, m or h nor a cron expression of six fields")
    sets = [_field(item, *limits) for item, limits in zip(fields, _LIMITS, strict=True)]
    cron = Cron(tuple(sets), either=not {"*", "?"} & {fields[3], fields[5]})
    cron.after(0)  # there is such a day
    return cron


@dataclass(frozen=True)
class Every:
    seconds: int

    def after(self, moment: float) -> float:
        return moment + self.seconds


@dataclass(frozen=True)
class Cron:
    fields: tuple[frozenset[int], ...]  # in the order of the expression
    either: bool

    def after(self, moment: float) -> float:
        seconds, minutes, hours = self.fields[:3]
        at = datetime.fromtimestamp(int(moment) + 1, timezone.utc)
        last = at.year + _YEARS
        while at.year <= last:
            if not self._day(at):
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in seconds:
                at += timedelta(seconds=1)
            else:
                return at.timestamp()
        raise ValueError("there is no such day")

    def _day(self, at: datetime) -> bool:
        days, months, weekdays = self.fields[3:]
        matching = (at.day in days, at.isoweekday() % 7 in weekdays)
        return at.month in months and (any(matching) if self.either else all(matching))


def _field(text: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for item in text.upper().split(","):
        numbers = re.sub("[A-Z]{3}", lambda name: _NAMES.get(name[0], name[0]), item)
        match = _ITEM.fullmatch(numbers)
        if match is None:
            raise ValueError(f"{item} is not a part of a cron expression")
        found.update(_range(match, low, high))
    if not found or not found <= set(range(low, high + 1)):
        raise ValueError(f"{text} is not from {low} to {high}")
    return frozenset(number % 7 for number in found) if high == 7 else frozenset(found)  # noqa: PLR2004


def _range(match: re.Match[str], low: int, high: int) -> range:
    start, end, step = match.groups()
    if start in ("*", "?"):
        return range(low, high + 1, int(step or 1) or high)
    last = int(end) if end else high if step else int(start)
    return range(int(start), last + 1, int(step or 1) or high)
