"""Timers that call functions, on the cloud's clock."""

from __future__ import annotations

from typing import Any

import pytest

from functions import until
from recorder import Recorder, told, tried

NOON = {"cronExpression": "0 0 12 * * *", "payload": "lunch"}


def test_a_timer_fires_on_the_clouds_clock(recorder: Recorder, trigger: Any, control: Any) -> None:
    trigger("timer", NOON)
    begun(control)
    control.send("POST", "/_cloud/clock", {"set": "2030-06-01T12:00:00Z"})
    first = recorder.next_json()
    assert (first["triggerName"], first["payload"]) == ("t", "lunch")
    tried(control, "FireTimer", 1)
    control.send("POST", "/_cloud/clock", {"set": "2030-06-02T12:00:00Z"})
    assert recorder.next_json()["triggerTime"] == "2030-06-02T12:00:00Z"


def test_a_timer_that_is_switched_off_never_fires(
    recorder: Recorder, trigger: Any, control: Any
) -> None:
    trigger("timer", {"cronExpression": "@every 1m", "enable": False})
    trigger("timer", {"cronExpression": "@every 1h"}, TriggerName="on")
    begun(control, "on")
    control.advance(3600)
    assert recorder.next_json()["triggerName"] == "on"
    tried(control, "FireTimer", 1)
    assert recorder.calls.empty()


def test_a_timer_goes_on_after_a_failure_that_nobody_foresaw(
    recorder: Recorder, trigger: Any, control: Any, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.breaking = 1
    trigger("timer", NOON)
    begun(control)
    control.send("POST", "/_cloud/clock", {"set": "2030-06-01T12:00:00Z"})
    recorder.next()
    state = told(control, Failures=1)
    assert (state["Status"], state["LastFailure"]) == ("Running", "RuntimeError")
    assert "the trigger t of fn failed" in caplog.text
    control.advance(1)
    told(control, NextTick="2030-06-02T12:00:00Z")
    control.send("POST", "/_cloud/clock", {"set": "2030-06-02T12:00:00Z"})
    assert recorder.next_json()["triggerTime"] == "2030-06-02T12:00:00Z"


def begun(control: Any, name: str = "t") -> None:
    def runs() -> bool:
        triggers = control.state()["Triggers"]
        return any(item["TriggerName"] == name and item["NextTick"] for item in triggers)

    until(runs)
