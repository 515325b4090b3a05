"""A dead letter gives back the very bytes, or says that it has them not; it keeps to its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Rejected, RetriesExhausted
from provisioner.mapping import validation
from provisioner.model import EventRef, FailureRecord
from provisioner.results import dead_letter
from provisioner.results.dead_letter import MAX_BYTES, DeadLetter
from provisioner.triggers import decode

EVENT = EventRef("mns_queue", "M1")
REASON = Rejected("NoBinding", "no binding is configured", path="/ScalingGroupId")


def written(payload: bytes, error: Rejected = REASON) -> dict[str, Any]:
    text = dead_letter.encode_dead_letter(DeadLetter(EVENT, error, payload, error.path, "fc-0001"))
    assert text.isascii()
    assert len(text) <= MAX_BYTES
    document: dict[str, Any] = json.loads(text)
    assert validation.validate("dead-letter", document) == []
    return document


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_come_out_as_they_went_in(payload: bytes) -> None:
    assert dead_letter.restore_payload(written(payload)) == payload


@pytest.mark.parametrize(
    ("payload", "encoding"),
    [
        pytest.param('\ufeff{"a": "é\r\n"}'.encode(), "utf-8", id="text"),
        pytest.param(b"\xff\x00", "base64", id="no text"),
        pytest.param("\u8d1f".encode() * 15_000, "base64", id="too long as text, not in Base64"),
        pytest.param(b"x" * 60_000, "utf-8", id="nearly too long"),
        pytest.param(b"\xff" * 60_000, "digest", id="too long in Base64"),
        pytest.param(b"x" * 65_500, "digest", id="too long with what is said of it"),
        pytest.param(b"x" * 1_000_000, "digest", id="too long in any form"),
    ],
)
def test_the_form_is_the_first_that_a_queue_takes(payload: bytes, encoding: str) -> None:
    document = written(payload)
    assert document["data"]["encoding"] == encoding
    assert dead_letter.restore_payload(document) == (None if encoding == "digest" else payload)
    assert document["data"]["size"] == len(payload)


def test_a_letter_says_which_event_it_was_why_it_was_given_up_and_where_it_is_known() -> None:
    data = written(b"{}")["data"]
    assert data["event"] == {"source": "mns_queue", "id": "M1"}
    assert data["reason"] == {
        "code": "NoBinding",
        "message": "no binding is configured",
        "path": "/ScalingGroupId",
    }
    assert data["platform"] == {"requestId": "fc-0001", "functionArn": None}
    assert (data["attempts"], data["condition"]) == (None, None)


def test_of_what_the_platform_gave_up_its_own_record_is_told() -> None:
    record = FailureRecord(b"{}", 4, "UnhandledInvocationError", "req-0001", "acs:fc:f")
    data = written(b"{}", RetriesExhausted(record, EVENT))["data"]
    assert (data["attempts"], data["condition"]) == (4, "UnhandledInvocationError")
    assert data["platform"] == {"requestId": "req-0001", "functionArn": "acs:fc:f"}


def test_one_event_given_up_for_one_reason_is_one_letter_whenever_it_is_written() -> None:
    assert written(b"{}")["id"] == written(b"{}")["id"]
    assert written(b"{}")["id"] != written(b"[]")["id"]


def test_a_letter_that_was_changed_gives_nothing_back() -> None:
    document = written(b"{}")
    document["data"]["payload"] = "{ }"
    with pytest.raises(ValueError, match="differs from its digest"):
        dead_letter.restore_payload(document)


def test_a_letter_that_comes_back_to_the_function_asks_for_nothing() -> None:
    text = dead_letter.encode_dead_letter(DeadLetter(EVENT, REASON, b"{}", "", "fc-0001"))
    (item,) = decode(text.encode())
    assert str(item) == "Skipped: a result of this function"
