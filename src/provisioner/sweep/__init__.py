"""The sweep: read everything that is bound, report drift, and repair it where that is allowed.

Load balancers are read first and scaling groups after them, so an instance that ESS no longer knows
had left before ESS was asked. Each repair uses the protocol that should have done it, looks again
before it writes, and has its slice of the time. A repair that fails is reported and the next one
begins; the next sweep finds again what is left. Nothing here raises.

    read_state   read what is bound, as it is now
    detect       find drift in it; pure
    repair       one function for each remedy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.error_reporting import as_provisioner_error
from provisioner.errors import ProvisionerError
from provisioner.invocation import Invocation
from provisioner.model import SweepMode, SweepRequest
from provisioner.provisioning import Dependencies

from .detect import Finding, FindingKind, Remedy
from .read_state import StateReader
from .repair import REPAIRS

__all__ = ["FindingResult", "SweepReport", "run_sweep"]

_READING_PARTS = 2  # reading may take one of so many parts of the time


@dataclass(frozen=True, slots=True)
class FindingResult:
    """A finding, whether its repair was applied, and the error if it failed."""

    finding: Finding
    applied: bool = False
    error: ProvisionerError | None = None

    def to_document(self) -> dict[str, Any]:
        return {
            **self.finding.to_fields(),
            "applied": self.applied,
            "code": self.error.code if self.error else "",
        }


@dataclass(frozen=True, slots=True)
class SweepReport:
    """`unread`: ids that could not be read, with the error codes; the report omits them."""

    mode: SweepMode
    results: tuple[FindingResult, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    def to_document(self) -> dict[str, Any]:
        return {
            "sweep": self.mode.value,
            "findings": [result.to_document() for result in self.results],
            "unread": [{"id": name, "code": code} for name, code in self.unread],
        }


def run_sweep(deps: Dependencies, request: SweepRequest, invocation: Invocation) -> SweepReport:
    """Report drift, and repair it if the mode is `apply`."""
    log = invocation.log
    mode = _choose_mode(deps, request, invocation)
    if mode is SweepMode.OFF:
        log.write("outcome", outcome="skipped", reason="SWEEP is off")
        return SweepReport(mode)
    reader = StateReader(deps, invocation.slice(deps.clock.now(), _READING_PARTS))
    findings = reader.read_findings()
    for finding in findings:
        log.write("sweep.found", **finding.to_fields())
    if mode is SweepMode.APPLY:
        results = _repair_findings(deps, findings, invocation)
    else:
        results = tuple(map(FindingResult, findings))
    log.write(
        "sweep",
        mode=mode.value,
        findings=len(results),
        applied=sum(result.applied for result in results),
        failed=sum(result.error is not None for result in results),
        unread=len(reader.unread),
    )
    return SweepReport(mode, results, tuple(reader.unread))


def _choose_mode(deps: Dependencies, request: SweepRequest, invocation: Invocation) -> SweepMode:
    """Return the mode that was asked for, but never more than the deployment allows."""
    allowed = deps.config.sweep
    if allowed is SweepMode.APPLY and deps.config.paused:
        invocation.log.write("paused", sweep=SweepMode.REPORT.value)
        allowed = SweepMode.REPORT
    return min(allowed, request.mode or allowed, key=list(SweepMode).index)


def _repair_findings(
    deps: Dependencies, findings: Sequence[Finding], invocation: Invocation
) -> tuple[FindingResult, ...]:
    """Repair hooks first, because servers wait for them."""
    order = sorted(findings, key=lambda finding: finding.kind is not FindingKind.STUCK_HOOK)
    return tuple(
        _repair(deps, finding, invocation.slice(deps.clock.now(), len(order) - number))
        for number, finding in enumerate(order)
    )


def _repair(deps: Dependencies, finding: Finding, time_slice: Invocation) -> FindingResult:
    if finding.remedy is Remedy.NONE:
        return FindingResult(finding)
    try:
        REPAIRS[finding.remedy](deps, finding, time_slice)
    except Exception as error:  # noqa: BLE001 - one repair that fails must not stop the others
        typed = as_provisioner_error(error)
        time_slice.log.write("sweep.failed", code=typed.code, **finding.to_fields())
        return FindingResult(finding, error=typed)
    time_slice.log.write("sweep.applied", **finding.to_fields())
    return FindingResult(finding, applied=True)
