"""Steps as lines of JSON."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS

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


def test_a_step_is_one_line_with_its_name_its_fields_and_where_it_was_taken(
    log: PowertoolsLog, output: Output
) -> None:
    log.write("created", vserver_group_id="rsp-1", backends=20)

    (line,) = output.lines()
    assert line["message"] == "created"
    assert line["level"] == "INFO"
    assert line["vserver_group_id"] == "rsp-1"
    assert line["backends"] == 20
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
def test_the_time_of_a_step_is_in_utc_wherever_the_host_is(
    log: PowertoolsLog, output: Output
) -> None:
    before = datetime.now(timezone.utc)

    log.write("created")

    (line,) = output.lines()
    assert line["timestamp"].endswith("+00:00")
    assert abs(datetime.fromisoformat(line["timestamp"]) - before) < timedelta(minutes=1)


@pytest.mark.parametrize("name", ["created", "slb.add.failed", "circuit_breaker"])
def test_the_location_is_the_line_that_wrote_the_step_at_every_level(
    log: PowertoolsLog, output: Output, name: str
) -> None:
    def take_step() -> int:
        log.write(name)
        return sys._getframe().f_lineno - 1

    line_number = take_step()

    assert output.lines()[0]["location"] == f"take_step:{line_number}"


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


def test_invocations_in_threads_that_write_at_once_do_not_mix_their_fields(
    log: PowertoolsLog, output: Output
) -> None:
    at_once = Barrier(8, timeout=30)

    def invocation(number: int) -> None:
        own = log.bind(invocation=number, **{f"only_{number}": True})
        for step in range(20):
            at_once.wait()
            own.write(f"{number}/{step}", step=step)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(invocation, range(8)))

    lines = output.lines()
    assert len(lines) == 160
    for line in lines:
        number, step = line["message"].split("/")
        assert (line["invocation"], line["step"]) == (int(number), int(step))
        assert [key for key in line if key.startswith("only_")] == [f"only_{number}"]


# Of logging, of what powertools drops, and of what it writes over.
RESERVED = {
    *vars(logging.makeLogRecord({})),
    *RESERVED_LOG_ATTRS,
    *("message", "service", "stack_trace", "xray_trace_id"),
}


@pytest.mark.parametrize(
    ("name", "shown"),
    [(name, f"{name}_") for name in sorted(RESERVED)]
    + [(name, name) for name in ("output", "self", "step", "fields", "extra", "stacklevel")],
)
def test_a_field_may_have_any_name_and_gets_an_underscore_where_that_is_taken(
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
def test_a_value_is_never_compared_or_turned_into_text(
    log: PowertoolsLog, output: Output, key: str
) -> None:
    log.write("outcome", **{key: Unruly()})

    assert output.lines()[0][key] == "Unruly"


def test_half_of_a_surrogate_pair_is_written_and_read_back() -> None:
    raw = io.BytesIO()
    utf_8 = io.TextIOWrapper(raw, "utf-8")

    build_log("INFO", stream=utf_8, service="surrogate").write("odd", name_="\ud83d", other="é")

    line = json.loads(raw.getvalue())
    assert (line["name_"], line["other"]) == ("\ud83d", "é")


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


def test_no_step_is_written_a_second_time_by_a_host_that_logs_later(
    log: PowertoolsLog, host: Output
) -> None:
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
