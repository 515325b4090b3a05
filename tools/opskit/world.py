"""The world that an event speaks of: any well-formed event of any account can be run in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from provisioner.groups.naming import build_owner_tags, check_name, compute_digest
from provisioner.model import LifecycleAction, Request, Transition

REGION = "cn-hangzhou"
LOAD_BALANCER = "lb-local"
SCALING_GROUP = "asg-local"
PORT = 8080
EVENTS = "scaling-events"
SEEN = "scaling-events-seen"
TOPIC = "provision-results"
INBOX = "provision-results-inbox"
DEAD_LETTERS = "provision-dead-letters"

# LifecycleState of the instances that wait, and DefaultResult of the hook.
_BY_TRANSITION = {
    Transition.SCALE_OUT: ("Pending:Wait", "ABANDON"),
    Transition.SCALE_IN: ("Removing:Wait", "CONTINUE"),
}


@dataclass(slots=True)
class World:
    """What localcloud is seeded with. Things are kept by their id: what is named twice is there
    once. `leaving` are the instances that a scaling group removes: the groups that it feeds hold
    them. `notes` say where an event names one thing in two regions; the first region wins."""

    load_balancers: dict[str, dict[str, Any]] = field(default_factory=dict)
    scaling_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    activities: dict[str, dict[str, Any]] = field(default_factory=dict)
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: list[dict[str, Any]] = field(default_factory=list)
    bindings: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    leaving: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def seed(self) -> dict[str, Any]:
        inbox = {"TopicName": TOPIC, "SubscriptionName": INBOX, "QueueName": INBOX}
        return {
            "LoadBalancers": list(self.load_balancers.values()),
            "ScalingGroups": list(self.scaling_groups.values()),
            "ScalingActivities": list(self.activities.values()),
            "ScalingInstances": list(self.instances.values()),
            "LifecycleActions": _with_tokens(self.actions),
            "VServerGroups": list(self._shrinking()),
            "Topics": [{"TopicName": TOPIC}],
            "Queues": [{"QueueName": INBOX}, {"QueueName": DEAD_LETTERS}],
            "Subscriptions": [{**inbox, "NotifyContentFormat": "SIMPLIFIED"}],
        }

    def regions(self) -> list[str]:
        """Return the regions that the events name."""
        resources = [*self.load_balancers.values(), *self.scaling_groups.values()]
        return sorted({resource["RegionId"] for resource in resources})

    def add(self, request: Request) -> None:
        region = request.region_id or REGION
        if request.load_balancer_id:
            self._add_load_balancer(request.load_balancer_id, region)
        if request.action:
            self._add_hook(request, request.action, region)
        if request.instances:
            self._bind(request.scaling_group_id, request.load_balancer_id, region)

    def _shrinking(self) -> Iterator[dict[str, Any]]:
        """As the function would have made them when the servers came."""
        tags = [
            {"Key": key, "Value": value} for key, value in build_owner_tags("scale-out").items()
        ]
        for (scaling_group, balancer), binding in self.bindings.items():
            ids = self.leaving.get(scaling_group)
            if ids:
                yield {
                    "LoadBalancerId": balancer,
                    "VServerGroupName": binding.get("VServerGroupName", scaling_group),
                    "BackendServers": [{"ServerId": id_, "Port": PORT} for id_ in ids],
                    "Tags": tags,
                }

    def _bind(self, group: str, balancer: str, region: str) -> None:
        """Nothing where a binding of the scaling group, or of the load balancer, will do: every
        binding of a scaling group applies to its hooks, and only one of a load balancer's to a
        document that names no scaling group."""
        if any(group in ("", g) and balancer in ("", b) for g, b in self.bindings):
            return
        if not group:
            taken = [*self.scaling_groups, *(bound for bound, _ in self.bindings)]
            group = f"{SCALING_GROUP}-of-{balancer}" if SCALING_GROUP in taken else SCALING_GROUP
        if not balancer:
            balancer = _in_region(LOAD_BALANCER, region)
            self._add_load_balancer(balancer, region)
        self.bindings[group, balancer] = {
            "ScalingGroupId": group,
            "LoadBalancerId": balancer,
            "RegionId": self.load_balancers[balancer]["RegionId"],
            "Ports": [PORT],
            **_group_name(group),
        }

    def _add_load_balancer(self, id_: str, region: str) -> None:
        self._keep(
            self.load_balancers, {"LoadBalancerId": id_, "RegionId": region}, "load balancer"
        )

    def _add_hook(self, request: Request, action: LifecycleAction, region: str) -> None:
        """The action waits, and its instances are there: on their way in, or out."""
        way, name = action.transition, action.scaling_group_id or SCALING_GROUP
        state, default = _BY_TRANSITION[way]
        new = {"ScalingGroupId": name, "RegionId": region, "LifecycleHooks": []}
        group = self._keep(self.scaling_groups, new, "scaling group")
        known = [h for g in self.scaling_groups.values() for h in g["LifecycleHooks"]]
        if action.hook_id not in [other["LifecycleHookId"] for other in known]:
            hook = {"LifecycleHookId": action.hook_id, "LifecycleTransition": way.value}
            group["LifecycleHooks"].append({**hook, "DefaultResult": default})
        ids = [instance.instance_id for instance in request.instances]
        activity = action.scaling_activity_id or self._activity_of(name, ids)
        of = {"ScalingGroupId": name, "ScalingActivityId": activity}
        self.activities.setdefault(activity, {**of, "StatusCode": "InProgress"})
        for id_ in ids:
            waits = {"InstanceId": id_, "LifecycleState": state}
            self.instances.setdefault(id_, {**of, **waits})
        if way is Transition.SCALE_IN:
            self.leaving[name] = list(dict.fromkeys([*self.leaving.get(name, ()), *ids]))
        self._add_action(action, activity, ids)

    def _activity_of(self, group: str, ids: list[str]) -> str:
        """For a message that names none: the one that the function will find by its instances."""
        there = [self.instances[id_] for id_ in ids if id_ in self.instances]
        given = [i["ScalingActivityId"] for i in there if i["ScalingGroupId"] == group]
        return min(given, default=f"asa-{compute_digest([group, sorted(ids)])[:20]}")

    def _add_action(self, action: LifecycleAction, activity: str, ids: list[str]) -> None:
        """One for each hook and activity; a message with another token is about another one."""
        of = {"LifecycleHookId": action.hook_id, "ScalingActivityId": activity}
        for known in self.actions:
            token = known["LifecycleActionToken"]
            if known.items() >= of.items() and (
                "" in (token, action.token) or token == action.token
            ):
                known["LifecycleActionToken"] = token or action.token
                known["InstanceIds"] = list(dict.fromkeys([*known["InstanceIds"], *ids]))
                return
        self.actions.append({**of, "LifecycleActionToken": action.token, "InstanceIds": ids})

    def _keep(
        self, kept: dict[str, dict[str, Any]], new: dict[str, Any], what: str
    ) -> dict[str, Any]:
        id_ = next(iter(new.values()))
        first = kept.setdefault(id_, new)
        if first["RegionId"] != new["RegionId"]:
            where = f"in {first['RegionId']} and in {new['RegionId']}"
            note = f"{what} {id_} is named {where}; here it is in {first['RegionId']} only"
            self.notes += [note] if note not in self.notes else []
        return first


def hook_messages_are_seen() -> dict[str, Any]:
    """What the default world needs, so that a hook message can be delivered once more."""
    seen = {"TopicName": EVENTS, "SubscriptionName": SEEN, "QueueName": SEEN}
    return {
        "Queues": [{"QueueName": SEEN}],
        "Subscriptions": [{**seen, "NotifyContentFormat": "SIMPLIFIED"}],
    }


def world_of(requests: Iterable[Request]) -> World:
    """Who names more goes first: the others make do with what that left."""
    world = World()
    for request in sorted(requests, key=_vagueness):
        world.add(request)
    return world


def _vagueness(request: Request) -> tuple[bool, bool, bool]:
    activity = request.action.scaling_activity_id if request.action else "-"
    bound = request.scaling_group_id and request.load_balancer_id
    return not request.scaling_group_id and not request.action, not bound, not activity


def _with_tokens(actions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A token is of one action only: whoever has none, or another's, gets one of its own."""
    taken: set[str] = set()
    found = []
    for action in actions:
        token = action["LifecycleActionToken"]
        if not token or token in taken:
            of = [action["LifecycleHookId"], action["ScalingActivityId"], token]
            token = f"token-{compute_digest(of)[:32]}"
        taken.add(token)
        found.append({**action, "LifecycleActionToken": token})
    return found


def _group_name(scaling_group: str) -> dict[str, str]:
    """Only for a scaling group whose id is no name that a VServer group can have."""
    if not check_name(scaling_group, ""):
        return {}
    return {"VServerGroupName": f"scaling-group-{compute_digest(scaling_group)[:16]}"}


def _in_region(name: str, region: str) -> str:
    return name if region == REGION else f"{name}-{region}"
