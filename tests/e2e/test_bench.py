"""The bench runs, and its report has its rows; nothing is timed here. What it counts is held."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import events, measure, profile
from bench.cloud import Cloud, bindings, localcloud
from bench.measure import Effort, Figure
from bench.package import PEERS, ROOT, Package, bare
from bench.process import Sample, running
from bench.report import Results

HERE = Package(sys.executable, "here", ROOT / "src")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with localcloud() as found:
        yield found


def results() -> Results:
    """All alike: whatever is compared, is even."""
    who = (*measure.PEERS, measure.OURS, measure.QUIET, measure.CALLS, measure.ONE_CALL)
    even = {name: dict.fromkeys(("cpu", "wall", "own", "memory"), Figure(2, 1, 3)) for name in who}
    return Results(
        cold={"3.10": even},
        imports={"3.10": {profile.BARE: 1.0}},
        warm={"0 ms": even},
        shares={"0 ms": Figure(1, 0.9, 1.1)},
        spent={profile.OURS: 2.5},
        calls={"a case": ["CreateVServerGroup"] * 2},
        lasting={
            "connections": 3,
            "events": 100,
            "resident": (30.0, 30.0),
            "replays per second": 10.0,
            "localcloud per call": 1.0,
        },
        scale={
            "backends": dict.fromkeys((1, 10), even["index"]),
            "batches": {(n, 2): even["index"] for n in (1, 10)},
            "overlap": dict.fromkeys((1, 10), even["index"]),
            "groups": dict.fromkeys((1, 2), even["index"]),
        },
        runs=1,
    )


def test_the_report_tells_everybody_beside_everybody_and_what_is_missed() -> None:
    text = results().markdown()

    assert "| 3.10 | the function | 2.0 (1.0–3.0) |" in text
    assert "| 0 ms | careful |" in text
    assert "CreateVServerGroup × 2" in text
    assert f"| {profile.BARE} | 1.0 |" in text
    assert f"| {profile.OURS} | 2.50 |" in text
    assert "| cold start on 3.10 at most 0.5 of careful | 1.00 | **missed** |" in text
    assert "| time at most linear in backends | exponent 0.00 | met |" in text


def test_what_people_wrote_around_the_figures_stays(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text("before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n")

    command.write(file, "new")

    assert file.read_text() == "before\n<!-- measured -->\nnew\n<!-- /measured -->\nafter\n"


def test_the_calls_are_those_that_the_protocol_needs(cloud: Cloud) -> None:
    made = {case: len(calls) for case, calls in measure.calls(HERE, cloud).items()}

    assert made == {
        "hook, new group of 5": 11,
        "hook, new group of 45": 15,
        "hook, replay of 45": 7,
        "HTTP plan": 1,
    }


def test_many_events_open_a_connection_for_each_call_at_once_and_host(cloud: Cloud) -> None:
    """Two calls to ESS are on their way at once."""
    lasting = measure.lasting(HERE, cloud, replace(Effort.quick(), lasting=5))

    assert lasting["connections"] == 4


def test_the_profile_tells_every_import_and_every_call_of_the_sdks_and_our_own_share(
    cloud: Cloud,
) -> None:
    warm = measure.warm(HERE, cloud, Effort.quick())["0 ms"]
    spent = profile.spent(warm[measure.OURS], warm[measure.QUIET])

    imported = profile.imports(HERE, 1)
    assert all(milliseconds > 0 for milliseconds in imported.values())
    assert {"create_vserver_group", "publish_message", profile.OURS, profile.LOG} <= set(spent)
    assert sum(spent.values()) == pytest.approx(warm[measure.OURS][0].cpu * 1000)


def test_whoever_is_measured_without_a_log_writes_none(
    cloud: Cloud, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_VERBOSE", "1")
    written = {}
    for name in (measure.OURS, measure.QUIET):
        cloud.fresh(5)
        with measure.process_of(HERE, name, cloud) as process:
            process.started()
            process.handle(events.hook(5))
        written[name] = capfd.readouterr().err.count('"message":"completed"')

    assert written == {measure.OURS: 1, measure.QUIET: 0}


def test_the_interpreter_that_is_measured_has_nothing_of_this_machine(tmp_path: Path) -> None:
    package = replace(HERE, python=bare(sys.executable, tmp_path / "alone"))

    imported = profile.microseconds(package, "pass")

    places = {name.partition(".")[0] for name in imported}
    assert "site" in places
    assert places <= sys.stdlib_module_names | {"sitecustomize"}  # which some systems have


def test_whoever_is_measured_has_one_core_and_localcloud_the_others(cloud: Cloud) -> None:
    with running(HERE, measure.OURS, cloud) as process:
        process.started()
        measured = os.sched_getaffinity(process.pid)

    there = os.sched_getaffinity(0)
    assert len(measured) == 1
    assert os.sched_getaffinity(cloud.pid) == (there - measured or measured)


def test_our_own_share_is_held_against_one_call_at_each_latency() -> None:
    uneven = replace(results(), shares={"0 ms": Figure(1, 1, 2), "5 ms": Figure(1.01, 0.5, 2)})

    found = [(each.found, each.met) for each in uneven.verdicts() if "own share" in each.required]

    assert found == [("1.00 (1.00–2.00)", True), ("1.01 (0.50–2.00)", False)]


def test_our_own_share_is_the_middle_of_its_parts_of_the_calls_beside_it() -> None:
    taken = {
        measure.OURS: [Sample(9, 9, 0, own=own) for own in (1, 4, 9)],
        measure.ONE_CALL: [Sample(cpu, 9, 0) for cpu in (2, 4, 6)],
    }

    assert measure.own_share(taken).median == 1


def test_each_load_balancer_of_a_hook_takes_five_calls_and_a_result_of_its_own(
    cloud: Cloud,
) -> None:
    cloud.fresh(5, balancers=2)
    with running(HERE, measure.OURS, cloud, **bindings(2)) as process:
        process.started()
        process.handle(events.hook(5))

    assert len(cloud.calls()) == 11 + 5 + 1


@pytest.mark.parametrize("peer", [*measure.PEERS, measure.CALLS])
def test_every_peer_handles_the_same_event(cloud: Cloud, peer: str) -> None:
    cloud.fresh(5)
    with running(HERE, peer, cloud) as process:
        process.started()
        process.handle(events.hook(5))

    assert {"CreateVServerGroup", "PublishMessage", "CompleteLifecycleAction"} <= {*cloud.calls()}
    assert PEERS.is_dir()
