"""Steps as lines of JSON."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from provisioner.aliyun.log import PowertoolsLog, build_log, silence_sdk_loggers
from provisioner.model import LifecycleResult
from provisioner.ports import Credentials


class Output(io.StringIO):
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def log(output: Output, request: pytest.FixtureRequest) -> PowertoolsLog:
    return build_log("INFO", stream=output, service=request.node.name).bind(event="e-1")


def test_a_step_is_one_line_with_its_name_its_time_in_utc_and_where_it_was_taken(
    log: PowertoolsLog, output: Output
) -> None:
    log.write("created", vserver_group_id="rsp-1", backends=20)

    (line,) = output.lines()
    assert line["message"] == "created"
    assert line["level"] == "INFO"
    assert line["vserver_group_id"] == "rsp-1"
    assert line["backends"] == 20
    assert line["timestamp"].endswith("+00:00")
    assert line["location"].startswith("test_a_step_is_one_line")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On the other side of the world."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("now", [1795000000.0, 1795000000.998, 1795000000.9999996])
def test_a_step_is_the_text_that_powertools_makes_of_it(
    output: Output, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, now: float
) -> None:
    service, fields = request.node.name, {"event": "é", "ids": ("i-1",), "result": object()}
    log, logger = build_log("INFO", stream=output, service=service), Logger(service=service)
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(time, "time_ns", lambda: round(now * 1e9))

    ways = partial(log.write, "paused", **fields), partial(logger.warning, "paused", extra=fields)
    for write in ways:
        write()

    ours, theirs = output.getvalue().splitlines()
    assert ours == theirs


class Flushed(Output):
    written: str = ""

    def flush(self) -> None:
        self.written = self.getvalue()


def test_a_step_is_written_out_at_once() -> None:
    stream = Flushed()

    build_log("INFO", stream=stream, service="prompt").write("created")

    assert json.loads(stream.written)["message"] == "created"


def test_what_is_bound_is_in_every_line_of_this_log_and_of_no_other(
    log: PowertoolsLog, output: Output
) -> None:
    bound = log.bind(fc_request_id="fc-1")

    bound.write("one")
    bound.write("two", event="e-2")
    log.write("three")

    one, two, three = output.lines()
    assert (one["event"], one["fc_request_id"]) == ("e-1", "fc-1")
    assert two["event"] == "e-2"
    assert three["event"] == "e-1"
    assert "fc_request_id" not in three


def test_concurrent_invocations_do_not_mix_their_fields(log: PowertoolsLog, output: Output) -> None:
    def invocation(number: int) -> None:
        own = log.bind(invocation=number)
        for step in range(20):
            own.write(f"{number}/{step}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(invocation, range(8)))

    lines = output.lines()
    assert len(lines) == 160
    assert all(line["message"].split("/")[0] == str(line["invocation"]) for line in lines)


@pytest.mark.parametrize(
    ("name", "shown"),
    [(name, f"{name}_") for name in ("message", "level", "location", "timestamp", "service")]
    + [(name, name) for name in ("name", "args", "exc_info", "created", "output", "self", "step")],
)
def test_a_field_may_have_any_name(
    log: PowertoolsLog, output: Output, name: str, shown: str
) -> None:
    log.write("created", **{name: "mine"})

    log.bind(**{name: "mine"}).write("created")

    first, second = output.lines()
    for line in (first, second):
        assert line[shown] == "mine"
        assert line["message"] == "created"
        assert line["level"] == "INFO"


def test_a_field_of_none_is_left_out_wherever_it_is_given(
    log: PowertoolsLog, output: Output
) -> None:
    log.bind(x=None).write("created", y=None, z=0)

    (line,) = output.lines()
    assert line["z"] == 0
    assert not {"x", "y"} & line.keys()


def test_a_value_that_is_not_plain_json_shows_no_more_than_its_type(
    log: PowertoolsLog, output: Output
) -> None:
    log.write(
        "odd",
        result=LifecycleResult.ABANDON,
        ids=("i-1", "i-2"),
        credentials=Credentials("CANARY", "CANARY", "CANARY"),
        error=ValueError("CANARY"),
        raw=b"CANARY",
    )

    (line,) = output.lines()
    assert line["result"] == "ABANDON"
    assert line["ids"] == ["i-1", "i-2"]
    assert (line["credentials"], line["error"], line["raw"]) == (
        "Credentials",
        "ValueError",
        "bytes",
    )
    assert "CANARY" not in output.getvalue()


def test_at_warning_refusals_and_failures_are_still_written(output: Output) -> None:
    log = build_log("WARNING", stream=output, service="loud")

    log.write("slb.add.failed", code="SystemBusy")
    log.write("slb.add", outcome="failed")
    for outcome in ("refused", "failed", "provisioned"):
        log.write("outcome", outcome=outcome)
    log.write("paused")
    log.write("circuit_breaker")

    assert [(line["message"], line["level"]) for line in output.lines()] == [
        ("slb.add.failed", "WARNING"),
        ("outcome", "WARNING"),
        ("outcome", "ERROR"),
        ("paused", "WARNING"),
        ("circuit_breaker", "ERROR"),
    ]
    assert output.lines()[0]["location"].startswith("test_at_warning")


class Broken(Output):
    def write(self, _: str) -> int:
        raise OSError("no space left on device")


def test_a_line_that_cannot_be_written_stops_nothing_and_shows_nothing_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log, field = build_log("INFO", stream=Broken(), service="broken"), {"id": "rsp-1"}

    log.write("created", **field)

    errors = capsys.readouterr().err
    assert "no space left" in errors
    assert "rsp-1" not in errors


class Unruly:
    def __eq__(self, _: object) -> bool:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise ZeroDivisionError

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("key", ["outcome", "other"])
def test_a_value_that_cannot_be_looked_at_stops_nothing(
    log: PowertoolsLog, output: Output, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    log.write("outcome", **{key: Unruly()})
    log.write("next")

    assert [line["message"] for line in output.lines()] == ["next"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_an_outcome_may_be_of_any_type(log: PowertoolsLog, output: Output) -> None:
    log.write("outcome", outcome=["refused"])

    assert output.lines()[0]["outcome"] == ["refused"]


def test_above_info_no_step_is_written(output: Output) -> None:
    log = build_log("WARNING", stream=output, service="quiet")

    log.write("created")

    assert output.getvalue() == ""


@pytest.fixture
def host() -> Iterator[Output]:
    """A host with a handler of its own on the root logger."""
    output, root = Output(), logging.getLogger()
    handler, level, filters = logging.StreamHandler(output), root.level, list(root.filters)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield output
    root.removeHandler(handler)
    root.setLevel(level)
    root.filters[:] = filters


def test_the_hosts_own_logging_goes_on(host: Output) -> None:
    before = list(logging.getLogger().handlers)

    silence_sdk_loggers()
    silence_sdk_loggers()

    logging.getLogger("host.module").debug("from a module")
    logging.getLogger().error("from the root")
    assert host.getvalue() == "from a module\nfrom the root\n"
    assert logging.getLogger().handlers == before


def test_no_step_is_written_a_second_time_by_the_host(log: PowertoolsLog, host: Output) -> None:
    log.write("created")

    assert host.getvalue() == ""


@pytest.mark.parametrize(
    "name",
    ["darabonba-core", "urllib3.connectionpool", "requests", "credentials", "aiohttp.client"],
)
def test_an_sdks_logger_stays_silent_whatever_level_it_is_given(host: Output, name: str) -> None:
    silence_sdk_loggers()
    logger = logging.getLogger(name)
    level = logger.level

    logger.setLevel(logging.DEBUG)
    logger.critical("payload")
    logger.setLevel(level)

    assert host.getvalue() == ""
