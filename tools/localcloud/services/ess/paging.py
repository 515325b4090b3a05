"""The two ways ESS hands out a long list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.wire.errors import invalid_parameter

if TYPE_CHECKING:
    from localcloud.wire.parameters import Parameters


def by_number(
    parameters: Parameters, name: str, items: list[Any], *, largest: int
) -> dict[str, Any]:
    page = parameters.integer("PageNumber", default=1, low=1, high=10**8)
    size = parameters.integer("PageSize", default=10, low=1, high=largest)
    return {
        name: items[(page - 1) * size : page * size],
        "TotalCount": len(items),
        "PageNumber": page,
        "PageSize": size,
    }


def by_token(parameters: Parameters, name: str, items: list[Any]) -> dict[str, Any]:
    size = parameters.integer("MaxResults", default=10, low=1, high=50)
    token = parameters.text("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(items):
        raise invalid_parameter("NextToken")
    start = int(token)
    shown = items[start : start + size]
    answer: dict[str, Any] = {name: shown, "TotalCount": len(items), "MaxResults": size}
    if len(shown) == size:
        # doc: a full page bears a token even if it is the last one.
        answer["NextToken"] = str(start + size)
    return answer
