"""Which error codes the operations of localcloud were seen to answer with while the tests ran.

A test that draws its requests by chance proves nothing for the next run, and does not count. An
answer that a fault made up says nothing of the operation, and does not count either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from localcloud.call import Call
from localcloud.coverage import COVERED, SHARED
from localcloud.journal import Journal, Outcome

Seen = tuple[str, str, str]  # service, action, code


@dataclass
class Codes:
    seen: set[Seen] = field(default_factory=set)
    watching: bool = True

    def undriven(self) -> list[Seen]:
        """What the coverage page declares, and no test has driven."""
        shared = {(services, "", code) for services, codes in SHARED.items() for code in codes}
        return sorted(declared() - self.seen) + [
            (" ".join(services), "", code)
            for services, _, code in sorted(shared)
            if not any(service in services and seen == code for service, _, seen in self.seen)
        ]


class Watched(Journal):
    def __init__(self, codes: Codes) -> None:
        super().__init__()
        self._codes = codes

    def record(self, call: Call, outcome: Outcome, *, time: float, duration: float) -> None:
        super().record(call, outcome, time=time, duration=duration)
        if self._codes.watching and call.service and outcome.code and outcome.fault is None:
            self._codes.seen.add((call.service.name, call.action, outcome.code))


def declared() -> set[Seen]:
    return {
        (service, action, code)
        for service, coverage in COVERED.items()
        for action, codes in coverage.codes.items()
        for code in codes
    }
