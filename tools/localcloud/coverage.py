"""`python -m localcloud.coverage` writes docs/emulator-coverage.md to the standard output: it is
made of each service's coverage.py, and a test compares it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED
from localcloud.registry import SERVICES
from localcloud.services.eci.coverage import COVERAGE as ECI
from localcloud.services.ecs.coverage import COVERAGE as ECS
from localcloud.services.ess.coverage import COVERAGE as ESS
from localcloud.services.eventbridge.coverage import COVERAGE as EVENTBRIDGE
from localcloud.services.fc.coverage import COVERAGE as FC
from localcloud.services.mns.coverage import COVERAGE as MNS
from localcloud.services.oss.coverage import COVERAGE as OSS
from localcloud.services.ros.coverage import COVERAGE as ROS
from localcloud.services.slb.coverage import COVERAGE as SLB
from localcloud.services.sts.coverage import COVERAGE as STS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localcloud.fidelity import Coverage

COVERED: Final[dict[str, Coverage]] = {
    "slb": SLB,
    "ess": ESS,
    "ecs": ECS,
    "eci": ECI,
    "mns": MNS,
    "eventbridge": EVENTBRIDGE,
    "fc": FC,
    "sts": STS,
    "ros": ROS,
    "oss": OSS,
}

_HEAD = """\
# What localcloud answers

**documented**: follows the API's documentation or its SDK; **inferred**: the documentation is \
silent, and this is the likely or the safer choice; **emulator-only**: exists here and not in the \
cloud. \
Everything else answers 501 `NotImplemented` and names what is missing, before any signature is \
looked at.

`python -m localcloud.coverage > docs/emulator-coverage.md` makes this page of each service's \
`coverage.py`; a test compares it with the code."""

_EVERYWHERE = {
    "ACS3-HMAC-SHA256, HMAC-SHA1, `MNS ak:signature` and `FC ak:signature` are verified, always, "
    "against real time": DOCUMENTED,
    "`SignatureDoesNotMatch` is 403; a security token that does not belong to the key is "
    "`InvalidSecurityToken.Malformed` (MNS: `AccessDenied`)": INFERRED,
    "A function's keys hold for 36 hours; then they are `InvalidSecurityToken.Expired`": INFERRED,
    "A function's keys are renewed hourly, and each instance has its own": EMULATOR_ONLY,
    "An ACS3 request has to sign `host` and every `x-acs-*` header it sends": INFERRED,
    "Without `Format` and without a telling `Accept`: JSON for ACS3, XML for HMAC-SHA1": INFERRED,
    "Time-outs, visibility, delays, retries, long polls and the `Date` header follow a clock that "
    "can be moved": EMULATOR_ONLY,
    "Faults, journal, seeds, settings, state under `/_cloud/`": EMULATOR_ONLY,
    "A call that succeeds and changes nothing (the fault `no_effect`), a `Date` that is ahead or "
    "behind (`DateSkew`)": EMULATOR_ONLY,
    "A reset ends every wait: a long poll is `MessageNotExist`, a call whose effect a "
    "fault holds back loses its connection": EMULATOR_ONLY,
    "`--tls` serves HTTPS with an authority made at the start": EMULATOR_ONLY,
}
# Codes that any action of these services may answer with.
SHARED: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("slb", "ess", "ecs", "eci", "sts", "ros"): (
        "IllegalTimestamp",
        "IncompleteSignature",
        "InvalidAccessKeyId.NotFound",
        "InvalidSecurityToken.Expired",
        "InvalidSecurityToken.Malformed",
        "NotImplemented",
        "SignatureDoesNotMatch",
        "SignatureNonceUsed",
    ),
    ("mns",): (
        "AccessDenied",
        "InternalError",
        "InvalidAccessKeyId",
        "InvalidAuthorizationHeader",
        "InvalidDateHeader",
        "InvalidSecurityToken.Expired",
        "MissingAuthorizationHeader",
        "MissingDateHeader",
        "NotImplemented",
        "SignatureDoesNotMatch",
        "TimeExpired",
    ),
    ("fc",): (
        "AccessDenied",
        "NotImplemented",
        "SignatureNotMatch",
    ),
    ("oss",): (
        "InvalidAccessKeyId",
        "NotImplemented",
        "SignatureDoesNotMatch",
    ),
}
_NOWHERE = ("RAM permissions",)


def render() -> str:
    return "\n".join(
        [_HEAD, "", *_actions(), "", *_codes(), "", *_behaviours(), "", *_missing(), ""]
    )


def _actions() -> Iterator[str]:
    yield "| service | action | mark | inferred in it |"
    yield "| --- | --- | --- | --- |"
    for service in SERVICES:
        for action in service.operations:
            found = COVERED[service.name].actions[action]
            yield f"| {service.name} | `{action}` | {found.mark} | {found.inferred} |"


def _codes() -> Iterator[str]:
    yield "## Error codes"
    yield ""
    yield "Each of these is driven by a test; which of them are inferred, the other tables say."
    yield ""
    yield "| service | action | codes |"
    yield "| --- | --- | --- |"
    for names, shared in SHARED.items():
        yield f"| {', '.join(names)} | every action | {_quoted(shared)} |"
    for name, coverage in COVERED.items():
        for action, codes in coverage.codes.items():
            yield f"| {name} | `{action}` | {_quoted(codes)} |"


def _quoted(codes: Iterable[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _behaviours() -> Iterator[str]:
    yield "## Behaviour"
    yield ""
    yield "| service | behaviour | mark |"
    yield "| --- | --- | --- |"
    for text, mark in _EVERYWHERE.items():
        yield f"| all | {text} | {mark} |"
    for name, coverage in COVERED.items():
        for text, mark in coverage.behaviours.items():
            yield f"| {name} | {text} | {mark} |"


def _missing() -> Iterator[str]:
    yield "## Not there"
    yield ""
    yield f"- all: {'; '.join(_NOWHERE)}"
    for name, coverage in COVERED.items():
        if coverage.missing:
            yield f"- {name}: {'; '.join(coverage.missing)}"


if __name__ == "__main__":
    sys.stdout.write(render())
