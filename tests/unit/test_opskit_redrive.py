"""What `opskit redrive` makes of a message, and of how the cloud is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builders import document, failure_record
from opskit.queues import Access, Held, access
from opskit.redrive import Entry, read
from provisioner.core import letter
from provisioner.core.errors import Rejected
from provisioner.core.event import EventRef
from provisioner.core.letter import Letter

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "a-secret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "a-token",
}


def shown(body: Any) -> Entry:
    text = body if isinstance(body, str) else json.dumps(body)
    return read(Held("message-1", text, 3.0, "handle"))


def a_letter(payload: bytes) -> dict[str, Any]:
    error = Rejected("NoBinding", "no binding", path="/ScalingGroupId")
    text = letter.as_message(Letter(EventRef("mns_queue", "M1"), error, payload, "/x", "fc-1"))
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


def test_the_cloud_is_named_by_region_and_account_as_the_function_names_it() -> None:
    named = access("", "cn-hangzhou", "1000000000000001", KEYS)
    assert named == access(
        "", "", "", {**KEYS, "FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1000000000000001"}
    )
    assert named == Access(
        "https://1000000000000001.mns.cn-hangzhou.aliyuncs.com",
        "https://1000000000000001.cn-hangzhou.fc.aliyuncs.com",
        "key",
        "a-secret",
        "a-token",
    )
    assert "a-secret" not in repr(named)
    assert "a-token" not in repr(named)


def test_an_offline_cloud_needs_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    named = access("http://127.0.0.1:8900/", "", "", {})
    assert (named.mns, named.fc) == ("http://127.0.0.1:8900", "http://127.0.0.1:8900")
    assert named.access_key_id


@pytest.mark.parametrize(
    ("endpoint", "region", "account", "missing"),
    [
        ("", "cn-hangzhou", "", "--account"),
        ("", "", "1", "--region"),
        ("127.0.0.1:8900", "", "", "URL"),
        ("https://cloud.example", "", "", "ALIBABA_CLOUD_ACCESS_KEY_ID"),
    ],
)
def test_what_is_missing_is_said(endpoint: str, region: str, account: str, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        access(endpoint, region, account, {})
