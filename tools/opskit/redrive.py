"""`opskit redrive`: what lies in a dead-letter queue and why, and sending it again.

Sent is the original, byte for byte, as an asynchronous invocation of the function. A letter leaves
the queue only after that was accepted; a crash in between sends it twice, which changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from provisioner.errors import RetriesExhausted
from provisioner.mapping import validation
from provisioner.results import dead_letter
from provisioner.triggers import decode

from . import ending
from .cloud import Cloud
from .ending import UnusableError
from .invocation import Target, generation_3
from .queues import Held, Queue, QueueFailedError, opened

_WHILE_SENDING = 60  # seconds that a letter stays hidden for
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Chosen:
    all: bool
    ids: Collection[str]

    def __contains__(self, message_id: object) -> bool:
        return self.all or message_id in self.ids

    def __bool__(self) -> bool:
        return self.all or bool(self.ids)


@dataclass(slots=True)
class Entry:
    """A message of the queue. `payload` is None where the original is not in it."""

    held: Held
    told: dict[str, Any]
    payload: bytes | None = field(repr=False)
    result: str = "kept"

    def document(self) -> dict[str, Any]:
        told = {"MessageId": self.held.id, "age": round(self.held.age), **self.told}
        return told | {"sendable": self.payload is not None, "result": self.result}


def redrive(cloud: Cloud, queue: str, chosen: Chosen, *, function: str, as_json: bool) -> int:
    """Answers the exit status."""
    if chosen and not function:
        raise UnusableError("name the function that is to get what is sent: --function")
    with opened(cloud, queue) as found:
        entries = [_handled(found, held, chosen, cloud, function) for held in found.messages()]
    missing = sorted(set(chosen.ids) - {entry.held.id for entry in entries})
    if as_json:
        letters = [entry.document() for entry in entries]
        ending.write_json({"queue": queue, "letters": letters, "missing": missing})
    else:
        _tell(queue, entries, missing)
    return _status(entries, missing)


def read(held: Held) -> Entry:
    try:
        document = json.loads(held.body)
    except (ValueError, RecursionError):
        document = None
    if not validation.validate("dead-letter", document):
        return _of_letter(held, document)
    items = decode(held.body.encode("utf-8", "surrogatepass"))
    if len(items) == 1 and isinstance(items[0], RetriesExhausted):
        return _of_record(held, items[0])
    return Entry(held, _told("NotALetter", "this message is no letter of the function's"), None)


def _of_letter(held: Held, document: Mapping[str, Any]) -> Entry:
    data = document["data"]
    told = _told(data["reason"]["code"], data["reason"]["message"]) | {
        "id": document["id"],
        "path": data["reason"]["path"],
        "source": data["event"]["source"],
        "eventId": data["event"]["id"],
        "attempts": data["attempts"],
        "encoding": data["encoding"],
        "size": data["size"],
        "sha256": data["sha256"],
        "platform": data["platform"],
    }
    try:
        payload = dead_letter.restore_payload(document)
    except ValueError:
        told |= {"encoding": "damaged"}
        payload = None
    return Entry(held, told, payload)


def _of_record(held: Held, error: RetriesExhausted) -> Entry:
    """The platform's own, where its destination is this queue."""
    record, event = error.record, error.event
    told = _told(error.code, error.message) | {
        "source": event.source if event else None,
        "eventId": event.id if event else None,
        "attempts": record.attempts,
        "encoding": dead_letter.TEXT,
        "size": len(record.payload),
        "platform": {"requestId": record.request_id, "functionArn": record.function_arn},
    }
    return Entry(held, told, record.payload)


def _told(code: str, message: str) -> dict[str, Any]:
    unknown = ("id", "source", "eventId", "attempts", "encoding", "size", "sha256", "platform")
    return {"code": code, "message": message, "path": "", **dict.fromkeys(unknown)}


def _handled(queue: Queue, held: Held, chosen: Chosen, cloud: Cloud, function: str) -> Entry:
    entry = read(held)
    if held.id not in chosen:
        return entry
    if entry.payload is None:
        entry.result = "not sendable"
        return entry
    try:
        queue.hold(held, _WHILE_SENDING)
        refusal = _send(cloud, function, entry.payload)
        if refusal:
            entry.result = f"not accepted: {refusal}"
            return entry
        entry.result = "sent, but still in the queue"
        queue.delete(held)
        entry.result = "sent"
    except QueueFailedError as error:
        entry.result = f"{entry.result}: {error}"
    return entry


def _send(cloud: Cloud, function: str, payload: bytes) -> str:
    """Answers why it was not accepted, if so: in a word, since texts may hold what was sent."""
    try:
        answer = generation_3(cloud, Target(function, asynchronous=True), payload)
    except UnusableError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - of many kinds; the other letters have their turn
        return type(error).__name__
    return "" if answer.status // 100 == 2 else f"status {answer.status}"  # noqa: PLR2004 - any 2xx


def _tell(queue: str, entries: Collection[Entry], missing: Collection[str]) -> None:
    console = Console(highlight=False)

    def line(*parts: str | tuple[str, str]) -> None:
        console.print(Text.assemble(*parts), soft_wrap=True)

    line(f"{len(entries)} message(s) in {queue}")
    for entry in entries:
        told = entry.told
        attempts = "" if told["attempts"] is None else f", {told['attempts']} attempts"
        size = "" if told["size"] is None else f", {told['size']:,} bytes"
        digest = " (digest only)" if told["encoding"] == dead_letter.DIGEST else ""
        line()
        line((entry.held.id, "bold"), f"  {_age(entry.held.age)} old{attempts}{size}{digest}")
        line("  ", (told["code"], "red"), f" {told['path']}".rstrip(), f": {told['message']}")
        line(f"  event {told['source']} {told['eventId']}" if told["eventId"] else "  no event")
        if told["encoding"] == dead_letter.DIGEST:
            line(f"  sha256 {told['sha256']}; request {told['platform']['requestId']}")
        if entry.result != "kept":
            line("  ", (entry.result, "green" if entry.result == "sent" else "red"))
    for message_id in missing:
        line((message_id, "bold"), "  is not in the queue")


def _age(seconds: float) -> str:
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds / unit)} {word}"
    return f"{max(int(seconds), 0)} s"


def _status(entries: Collection[Entry], missing: Collection[str]) -> int:
    results = {entry.result for entry in entries}
    if results - {"kept", "sent", "not sendable"}:
        return ending.FAILED
    return ending.REFUSED if missing or "not sendable" in results else ending.OK
