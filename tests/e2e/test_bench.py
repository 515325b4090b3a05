"""The bench runs, its report has its rows, and what it counts is right; nothing is timed here."""

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
from bench.package import PEERS, ROOT, Package, make_bare_interpreter
from bench.process import running
from bench.report import Results

HERE = Package(sys.executable, "here", ROOT / "src")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with localcloud() as found:
        yield found


def results() -> Results:
    """All figures are the same."""
    who = (*measure.PEERS, measure.OURS, measure.CALLS, measure.ONE_CALL)
    even = {name: dict.fromkeys(("cpu", "wall", "own", "memory"), Figure(2, 1, 3)) for name in who}
    return Results(
        cold={"3.10": even},
        imports={"3.10": {profile.BARE: 1.0}},
        warm={"0 ms": even},
        cpu={profile.OURS: 2.5},
        calls={"a case": ["CreateVServerGroup"] * 2},
        endurance={
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


def test_the_report_compares_all_of_them_and_names_what_is_missed() -> None:
    text = results().markdown()

    assert "| 3.10 | the function | 2.0 (1.0–3.0) |" in text
    assert "| 0 ms | careful |" in text
    assert "CreateVServerGroup × 2" in text
    assert f"| {profile.BARE} | 1.0 |" in text
    assert f"| {profile.OURS} | 2.50 |" in text
    assert "| CPU of a cold start on 3.10 at most 0.65 of careful | 1.00 | **missed** |" in text
    assert "| peak memory on 3.10 at most 0.75 of careful | 1.00 | **missed** |" in text
    assert "| time at most linear in backends | exponent 0.00 | met |" in text


def test_what_people_wrote_around_the_figures_stays(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text("before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n")

    command.write(file, "new")

    assert file.read_text() == "before\n<!-- measured -->\nnew\n<!-- /measured -->\nafter\n"


def test_the_calls_are_those_that_the_protocol_needs(cloud: Cloud) -> None:
    made = {case: len(calls) for case, calls in measure.record_calls(HERE, cloud).items()}

    assert made == {
        "hook, new group of 5": 11,
        "hook, new group of 45": 15,
        "hook, replay of 45": 7,
        "HTTP plan": 1,
    }


def test_many_events_open_a_connection_for_each_call_at_once_and_host(cloud: Cloud) -> None:
    """Two calls to ESS are on their way at once."""
    found = measure.measure_endurance(HERE, cloud, replace(Effort.quick(), endurance=5))

    assert found["connections"] == 4


def test_the_profile_has_every_import_and_every_call_of_the_sdks_and_our_own_cpu(
    cloud: Cloud,
) -> None:
    samples = measure.measure_warm(HERE, cloud, Effort.quick())["0 ms"][measure.OURS]
    cpu = profile.split_cpu(samples)

    imported = profile.measure_imports(HERE, 1)
    assert all(milliseconds > 0 for milliseconds in imported.values())
    assert {"create_vserver_group", "publish_message", profile.OURS} <= set(cpu)
    assert sum(cpu.values()) == pytest.approx(samples[0].cpu * 1000)


def test_the_interpreter_that_is_measured_has_nothing_of_this_machine(tmp_path: Path) -> None:
    package = replace(HERE, python=make_bare_interpreter(sys.executable, tmp_path / "alone"))

    imported = profile.read_import_times(package, "pass")

    places = {name.partition(".")[0] for name in imported}
    assert "site" in places
    assert places <= sys.stdlib_module_names | {"sitecustomize"}  # which some systems have


def test_whoever_is_measured_has_one_core_and_localcloud_the_others(cloud: Cloud) -> None:
    with running(HERE, measure.OURS, cloud) as process:
        process.wait_until_ready()
        measured = os.sched_getaffinity(process.pid)

    there = os.sched_getaffinity(0)
    assert len(measured) == 1
    assert os.sched_getaffinity(cloud.pid) == (there - measured or measured)


def test_a_cold_start_at_the_limit_is_met_and_one_above_it_is_missed() -> None:
    found = []
    for cpu in (1.3, 1.32):
        even = results().cold["3.10"]
        ours = {**even[measure.OURS], "cpu": Figure(cpu, cpu, cpu)}
        measured = replace(results(), cold={"3.10": {**even, measure.OURS: ours}})
        found += [each for each in measured.verdicts() if "cold start" in each.required]

    assert [(each.measured, each.met) for each in found] == [("0.65", True), ("0.66", False)]


def test_peers_run_on_what_pip_installs_and_the_function_on_its_package_alone() -> None:
    package = replace(HERE, libraries=Path("/plain"))

    assert package.list_paths(measure.OURS) == [str(package.folder)]
    for peer in (*measure.PEERS, measure.CALLS):
        assert package.list_paths(peer) == [str(PEERS), "/plain"]


def test_each_load_balancer_of_a_hook_takes_five_calls_and_a_result_of_its_own(
    cloud: Cloud,
) -> None:
    cloud.reset(5, balancers=2)
    with running(HERE, measure.OURS, cloud, **bindings(2)) as process:
        process.wait_until_ready()
        process.handle(events.hook(5))

    assert len(cloud.calls()) == 11 + 5 + 1


@pytest.mark.parametrize("peer", [*measure.PEERS, measure.CALLS])
def test_every_peer_handles_the_same_event(cloud: Cloud, peer: str) -> None:
    cloud.reset(5)
    with running(HERE, peer, cloud) as process:
        process.wait_until_ready()
        process.handle(events.hook(5))

    assert {"CreateVServerGroup", "PublishMessage", "CompleteLifecycleAction"} <= {*cloud.calls()}
    assert PEERS.is_dir()
