"""What `opskit redrive` makes of a message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builders import document, failure_record
from opskit.queues import Held
from opskit.redrive import Entry, read
from provisioner.errors import Rejected
from provisioner.model import EventRef
from provisioner.results import dead_letter
from provisioner.results.dead_letter import DeadLetter


def shown(body: Any) -> Entry:
    text = body if isinstance(body, str) else json.dumps(body)
    return read(Held("message-1", text, 3.0, "handle"))


def a_letter(payload: bytes) -> dict[str, Any]:
    error = Rejected("NoBinding", "no binding", path="/ScalingGroupId")
    text = dead_letter.encode_dead_letter(
        DeadLetter(EventRef("mns_queue", "M1"), error, payload, "/x", "fc-1")
    )
    document: dict[str, Any] = json.loads(text)
    return document


def test_a_letter_is_shown_with_its_reason_and_can_be_sent() -> None:
    entry = shown(a_letter(b"\xff\x00"))
    told = entry.document()
    assert entry.payload == b"\xff\x00"
    assert (told["code"], told["path"], told["eventId"]) == ("NoBinding", "/x", "M1")
    assert (told["sendable"], told["encoding"], told["age"]) == (True, "base64", 3)


def test_a_letter_without_its_original_says_where_to_look_and_cannot_be_sent() -> None:
    told = shown(a_letter(b"\xff" * 100_000)).document()
    assert (told["sendable"], told["encoding"], told["size"]) == (False, "digest", 100_000)
    assert told["platform"]["requestId"] == "fc-1"


def test_a_letter_that_somebody_changed_cannot_be_sent() -> None:
    changed = a_letter(b"{}")
    changed["data"]["payload"] = "{ }"
    told = shown(changed).document()
    assert (told["sendable"], told["encoding"]) == (False, "damaged")


def test_the_platforms_own_record_is_shown_and_its_event_can_be_sent() -> None:
    event = json.dumps(document())
    entry = shown(failure_record(event))
    assert entry.payload == event.encode()
    assert (entry.told["code"], entry.told["attempts"]) == ("RetriesExhausted", 4)


@pytest.mark.parametrize("body", ["hello", "{}", "[]", "", '{"specversion": "1.0"}', "[" * 100_000])
def test_anything_else_is_shown_and_cannot_be_sent(body: str) -> None:
    told = shown(body).document()
    assert (told["code"], told["sendable"]) == ("NotALetter", False)
