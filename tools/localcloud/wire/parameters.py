"""Request parameters by name, with the flattened lists of the RPC style put together again.

`Tag.1.Key=a&Tag.1.Value=b&InstanceIds.1=i-1` is records("Tag") and strings("InstanceIds").
Names are matched exactly, as the cloud does; parameters nobody asks for are ignored.
"""

import re
from collections.abc import Iterable

from localcloud.wire.errors import invalid_parameter, missing_parameter

_INDEX = re.compile(r"[0-9]{1,9}")


class Parameters:
    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values = dict(pairs)

    def text(self, *names: str) -> str | None:
        """The value under the first of the names that was sent; an empty value counts as absent."""
        return next((self._values[name] for name in names if self._values.get(name)), None)

    def require(self, *names: str) -> str:
        value = self.text(*names)
        if value is None:
            raise missing_parameter(names[0])
        return value

    def names(self) -> set[str]:
        """The names that were sent; a flattened list counts once, under its own name."""
        return {key.partition(".")[0] for key in self._values}

    def sent(self, name: str) -> bool:
        """Whether the parameter, or any part of a flattened one, was in the request."""
        return any(key == name or key.startswith(f"{name}.") for key in self._values)

    def flag(self, name: str) -> bool:
        # sdk: booleans go out as True and False; any case is taken.
        return (self.text(name) or "").lower() == "true"

    def integer(self, *names: str, default: int, low: int, high: int) -> int:
        text = self.text(*names)
        if text is None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise invalid_parameter(names[0])
        return int(text)

    def strings(self, *names: str) -> list[str]:
        found = [item for name in names for item in self._numbered(name)]
        numbered = [(int(index), value) for index, value in found if _INDEX.fullmatch(index)]
        return [value for _, value in sorted(numbered)]

    def records(self, name: str) -> list[dict[str, str]]:
        rows: dict[int, dict[str, str]] = {}
        for rest, value in self._numbered(name):
            index, dot, key = rest.partition(".")
            if dot and _INDEX.fullmatch(index):
                rows.setdefault(int(index), {})[key] = value
        return [rows[index] for index in sorted(rows)]

    def _numbered(self, name: str) -> list[tuple[str, str]]:
        prefix = f"{name}."
        items = self._values.items()
        return [(key[len(prefix) :], value) for key, value in items if key.startswith(prefix)]
