"""`opskit invoke`: an event file, sent to a deployed function of either generation."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from . import ending
from .cloud import Cloud
from .events import payload_of
from .invocation import Answer, Target, generation_2, generation_3

_SERVER_ERROR, _CLIENT_ERROR = 500, 400


@dataclass(frozen=True, slots=True)
class Report:
    """`result` is what the function answered: as JSON where it is."""

    status: int
    request_id: str
    error_type: str
    result: Any
    log: str
    duration_ms: int | None
    memory_mb: int | None
    instance_id: str


def invoke(cloud: Cloud, event: str, target: Target, *, as_json: bool) -> int:
    """Answers the exit status."""
    payload = payload_of(event)
    cloud.check_credentials()
    send = generation_2 if target.generation == 2 else generation_3  # noqa: PLR2004 - it is called so
    report = _report(send(cloud, target, payload))
    if as_json:
        ending.write_json(asdict(report))
    else:
        _tell(report, Console(highlight=False, soft_wrap=True))
    return _status(report)


def _report(answer: Answer) -> Report:
    headers = answer.headers
    text = answer.body.decode("utf-8", "replace")
    try:
        result = json.loads(text)
    except ValueError:
        result = text
    log = base64.b64decode(headers.get("x-fc-log-result", "")).decode("utf-8", "replace")
    return Report(
        status=answer.status,
        request_id=headers.get("x-fc-request-id", ""),
        error_type=headers.get("x-fc-error-type", ""),
        result=result,
        log=log,
        duration_ms=_number(headers, "x-fc-invocation-duration"),
        memory_mb=_number(headers, "x-fc-max-memory-usage"),
        instance_id=headers.get("x-fc-instance-id", ""),
    )


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isdecimal() else None


def _status(report: Report) -> int:
    """A function's error does not fail the call: a header tells."""
    if report.error_type:
        return ending.FAILED
    result = report.result if isinstance(report.result, dict) else {}
    status = result.get("statusCode")
    if isinstance(status, int):  # the answer to an HTTP event
        if status >= _SERVER_ERROR:
            return ending.FAILED
        return ending.REFUSED if status >= _CLIENT_ERROR else ending.OK
    outcomes = result.get("outcomes")
    listed = outcomes if isinstance(outcomes, list) else []
    return ending.of_outcomes(str(each.get("outcome")) for each in listed if isinstance(each, dict))


def _tell(report: Report, console: Console) -> None:
    """Text only: what a function answers is anybody's, and no markup."""
    pairs = {
        "request": report.request_id,
        "status": str(report.status),
        "error": report.error_type,
        "duration": "" if report.duration_ms is None else f"{report.duration_ms} ms",
        "memory": "" if report.memory_mb is None else f"{report.memory_mb} MB",
        "instance": report.instance_id,
    }
    for name, value in pairs.items():
        if value:
            console.print(f"{name:10}", value, markup=False)
    if report.result != "":
        shown = report.result if isinstance(report.result, str) else _pretty(report.result)
        console.print(f"result\n{shown}", markup=False)
    if report.log:
        console.print(f"log\n{report.log.rstrip()}", markup=False)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
