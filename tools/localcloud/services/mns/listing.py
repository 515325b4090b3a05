"""The three lists of MNS: prefix, marker and count travel in x-mns-* headers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.mns.model import Limits, number
from localcloud.wire import mns_xml
from localcloud.wire.mns import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localcloud.call import Call

_PAGE = Limits(1, 1000, 1000, "")


def listed(
    call: Call,
    kind: str,
    names: Iterable[str],
    path: str,
    meta: Callable[[str], dict[str, Any]] | None = None,
) -> Reply:
    """`kind` is Queue, Topic or Subscription; `meta` gives the attributes, if asked for them."""
    headers = call.request.headers
    size = number("x-mns-ret-number", headers.get("x-mns-ret-number", "1000"), _PAGE)
    prefix, marker = headers.get("x-mns-prefix", ""), headers.get("x-mns-marker", "")
    found = sorted(name for name in names if name.startswith(prefix) and name >= marker)
    with_meta = meta if headers.get("x-mns-with-meta", "").lower() == "true" else None
    rows = [
        {f"{kind}URL": location(call, f"{path}/{name}"), **(with_meta(name) if with_meta else {})}
        for name in found[:size]
    ]
    content: dict[str, Any] = {
        kind: rows,
        # sdk: no empty element if there is no next page
        "NextMarker": found[size] if len(found) > size else None,
    }
    return Reply(HTTPStatus.OK, mns_xml.element(f"{kind}s", content))


def location(call: Call, path: str) -> str:
    return f"http://{call.request.headers.get('host', 'localcloud')}{path}"
