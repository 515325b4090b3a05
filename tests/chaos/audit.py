"""What the cloud holds in the end, against what it should hold. Everything that is counted here is
required to be 0.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.groups import naming
from provisioner.mapping import validation

from .world import INBOX, KINDS, PORT, Size, bindings

State = Mapping[str, Any]
_WEIGHT = 100


@dataclass(frozen=True)
class Audit:
    """`struck` is how often each kind of fault struck."""

    before: State
    after: State
    size: Size
    activities: Sequence[str]
    struck: Mapping[str, int]

    def counts(self) -> dict[str, int]:
        return {
            "kinds of faults that never struck": sum(not self.struck.get(kind) for kind in KINDS),
            "events lost": self._lost(),
            "groups more than one per name": self._doubled(),
            "wrong or missing backends": self._wrong_backends(),
            "foreign groups or backends changed": self._foreign_changed(),
            "hooks without exactly one terminal answer": self._unanswered(),
            "stale claims left": sum(map(_is_claim, self.after["VServerGroups"])),
            "results that break their schema": self._unfit_results(),
            "notification ids of one event that differ": self._wavering_ids(),
        }

    def _lost(self) -> int:
        told = {
            result["data"]["correlation"]["ScalingActivityId"]
            for result in self._results()
            if result["type"] == "vservergroup.provisioned"
        }
        return len(set(self.activities) - told)

    def _doubled(self) -> int:
        names = Counter(
            (group["LoadBalancerId"], group["VServerGroupName"])
            for group in self.after["VServerGroups"]
            if not _is_claim(group)
        )
        return sum(number - 1 for number in names.values())

    def _wrong_backends(self) -> int:
        wanted, actual = self._wanted(), self._actual()
        return sum(
            len(wanted.get(key, set()) ^ actual.get(key, set())) for key in {*wanted, *actual}
        )

    def _wanted(self) -> dict[tuple[str, str], set[tuple[str, int, int]]]:
        bound = {each["ScalingGroupId"]: each for each in bindings(self.size)}
        wanted = defaultdict(set)
        for instance in self.after["ScalingInstances"]:
            binding = bound[instance["ScalingGroupId"]]
            name = binding["VServerGroupName"].format(
                scaling_group_id=instance["ScalingGroupId"],
                scaling_activity_id=instance["ScalingActivityId"],
            )
            key = (binding["LoadBalancerId"], name)
            wanted[key].add((instance["InstanceId"], PORT, _WEIGHT))
        return wanted

    def _actual(self) -> dict[tuple[str, str], set[tuple[str, int, int]]]:
        foreign = {group["VServerGroupId"] for group in self.before["VServerGroups"]}
        actual: dict[tuple[str, str], set[tuple[str, int, int]]] = defaultdict(set)
        for group in self.after["VServerGroups"]:
            if group["VServerGroupId"] in foreign or _is_claim(group):
                continue
            key = (group["LoadBalancerId"], group["VServerGroupName"])
            actual[key] |= {
                (backend["ServerId"], backend["Port"], backend["Weight"])
                for backend in group["BackendServers"]
            }
        return actual

    def _foreign_changed(self) -> int:
        now = {group["VServerGroupId"]: group for group in self.after["VServerGroups"]}
        return sum(
            now.get(group["VServerGroupId"]) != group for group in self.before["VServerGroups"]
        )

    def _unanswered(self) -> int:
        """ESS takes one answer; that it is ours shows in what it is."""
        answers = {
            action["ScalingActivityId"]: (
                action["LifecycleActionStatus"],
                action["LifecycleActionResult"],
            )
            for action in self.after["LifecycleActions"]
        }
        right = ("Completed", "CONTINUE")
        return sum(answers.get(activity) != right for activity in self.activities)

    def _unfit_results(self) -> int:
        return sum(bool(validation.validate("result", result)) for result in self._results())

    def _wavering_ids(self) -> int:
        ids = defaultdict(set)
        for result in self._results():
            activity = result["data"]["correlation"]["ScalingActivityId"]
            ids[activity, result["type"]].add(result["id"])
        return sum(len(found) - 1 for found in ids.values())

    def _results(self) -> list[Any]:
        (inbox,) = (queue for queue in self.after["Queues"] if queue["QueueName"] == INBOX)
        return [json.loads(message["MessageBody"]) for message in inbox["Messages"]]


def _is_claim(group: Mapping[str, Any]) -> bool:
    return bool(group["VServerGroupName"].startswith(naming.CLAIM_PREFIX))
