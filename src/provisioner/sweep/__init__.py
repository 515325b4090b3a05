"""The sweep: read everything that is bound, tell what is amiss, and put it right where asked to.

Load balancers are read first and scaling groups after them, so that what ESS no longer knows had
left before it was asked. Each remedy goes the way of the protocol that would have done it, looks
again before it writes, and has its share of the time. One that fails is told, and the next begins;
what is left is found again by the next sweep. Nothing here raises.

  reading   what is bound, as it is now
  remedies  one for each finding that has any
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioner import error_reporting
from provisioner.errors import ProvisionerError
from provisioner.invocation import Invocation
from provisioner.model import SweepMode, SweepRequest
from provisioner.provisioning import Dependencies

from .detect import Finding, FindingKind, Remedy
from .read_state import StateReader
from .repair import REPAIRS, Repair

__all__ = ["FindingResult", "SweepReport", "run_sweep"]

_READING = 2  # the share of the time that reading may take: one of so many parts


@dataclass(frozen=True, slots=True)
class FindingResult:
    """`error` where the remedy failed; `applied` where it was carried out."""

    finding: Finding
    applied: bool = False
    error: ProvisionerError | None = None

    def to_document(self) -> dict[str, Any]:
        return {
            **_to_fields(self.finding),
            "applied": self.applied,
            "code": self.error.code if self.error else "",
        }


@dataclass(frozen=True, slots=True)
class SweepReport:
    """`unread`: codes by what could not be read, of which this sweep says nothing."""

    mode: SweepMode
    results: tuple[FindingResult, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    def to_document(self) -> dict[str, Any]:
        return {
            "sweep": self.mode.value,
            "findings": [each.to_document() for each in self.results],
            "unread": [{"id": name, "code": code} for name, code in self.unread],
        }


def run_sweep(means: Dependencies, request: SweepRequest, invocation: Invocation) -> SweepReport:
    mode = _choose_mode(means, request, invocation)
    if mode is SweepMode.OFF:
        invocation.log.write("outcome", outcome="skipped", reason="SWEEP is off")
        return SweepReport(mode)
    reading = StateReader(means, invocation.slice(means.clock.now(), _READING))
    found = reading.read_findings()
    for each in found:
        invocation.log.write("sweep.found", **_to_fields(each))
    treated = tuple(map(FindingResult, found))
    if mode is SweepMode.APPLY:
        treated = _repair_findings(means, found, invocation)
    done = SweepReport(mode, treated, tuple(reading.unread))
    invocation.log.write(
        "sweep",
        mode=mode.value,
        findings=len(treated),
        applied=sum(each.applied for each in treated),
        failed=sum(each.error is not None for each in treated),
        unread=len(done.unread),
    )
    return done


def _choose_mode(means: Dependencies, request: SweepRequest, invocation: Invocation) -> SweepMode:
    """What was asked for, and never more than the deployment allows."""
    allowed = means.config.sweep
    if allowed is SweepMode.APPLY and means.config.paused:
        invocation.log.write("paused", sweep=SweepMode.REPORT.value)
        allowed = SweepMode.REPORT
    order = list(SweepMode)
    return min(allowed, request.mode or allowed, key=order.index)


def _repair_findings(
    means: Dependencies, found: Sequence[Finding], invocation: Invocation
) -> tuple[FindingResult, ...]:
    """Hooks first: servers wait for them."""
    order = sorted(found, key=lambda each: each.kind is not FindingKind.STUCK_HOOK)
    done = []
    for number, finding in enumerate(order):
        share = invocation.slice(means.clock.now(), len(order) - number)
        remedy = None if finding.remedy is Remedy.NONE else REPAIRS[finding.remedy]
        done.append(_try_repair(means, finding, share, remedy))
    return tuple(done)


def _try_repair(
    means: Dependencies, finding: Finding, share: Invocation, remedy: Repair | None
) -> FindingResult:
    if remedy is None:
        return FindingResult(finding)
    try:
        remedy(means, finding, share)
    except Exception as error:  # noqa: BLE001 - the funnel of one remedy
        told = error_reporting.as_provisioner_error(error)
        share.log.write("sweep.failed", code=told.code, **_to_fields(finding))
        return FindingResult(finding, error=told)
    share.log.write("sweep.applied", **_to_fields(finding))
    return FindingResult(finding, applied=True)


def _to_fields(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "remedy": finding.remedy.value,
        "what": finding.what,
        "RegionId": finding.region_id,
        "LoadBalancerId": finding.load_balancer_id,
        "VServerGroupId": finding.vserver_group_id,
        "VServerGroupName": finding.vserver_group_name,
        "ScalingGroupId": finding.scaling_group_id,
        "ServerIds": list(finding.server_ids),
    }
