"""What the test runner reads off the reports of pytest."""

from __future__ import annotations

from pathlib import Path

import run_tests

REPORT = """<testsuites><testsuite name="pytest" tests="1200" failures="1" errors="2" skipped="3"
time="81.6"></testsuite></testsuites>"""


def test_the_last_line_is_the_sum_over_all_reports_and_errors_count_as_failed(
    tmp_path: Path,
) -> None:
    report, counts = tmp_path / "tests.xml", run_tests.Counts()
    report.write_text(REPORT)
    assert run_tests.add_report(counts, report)
    assert str(counts) == "1194 passed, 3 failed, 3 skipped"
    assert run_tests.add_report(counts, report)
    assert str(counts) == "2388 passed, 6 failed, 6 skipped"
    assert str(run_tests.Counts(5)) == "5 passed, 0 failed"


def test_an_interpreter_that_left_no_report_ran_no_test(tmp_path: Path) -> None:
    assert not run_tests.add_report(run_tests.Counts(), tmp_path / "tests.xml")


def test_the_runner_says_how_long_it_takes_by_the_last_run(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    assert run_tests.expect_duration(report).startswith("about 90 s")
    report.write_text(REPORT)
    assert run_tests.expect_duration(report) == "1,200 took 82 s the last time"
