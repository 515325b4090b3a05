"""`opskit policy`: what the function's role must be allowed, and why. Each action is declared once,
here; a test holds them against the calls that the function makes, both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from rich.console import Console

from provisioner.settings import Settings

from . import configuration, ending
from .cloud import Cloud

VERSION = "1"  # of RAM's policy language


class Of(str, Enum):
    """What an action is allowed on, as narrow as the API takes it."""

    LOAD_BALANCER = "acs:slb:{region}:{account}:loadbalancer/{id}"
    SERVERS = "acs:ecs:{region}:{account}:instance/{id}"
    SCALING_GROUP = "acs:ess:{region}:{account}:scalinggroup/{id}"
    TOPIC = "acs:mns:{region}:{account}:/topics/{topic}/messages"
    QUEUE = "acs:mns:{region}:{account}:/queues/{queue}/messages"
    ROLE = "{role}"


@dataclass(frozen=True, slots=True)
class Permission:
    """`action` as a policy spells it: the product, and the operation of its API."""

    action: str
    on: tuple[Of, ...]
    why: str


_BACKENDS = (Of.LOAD_BALANCER, Of.SERVERS)
PERMISSIONS = (
    Permission(
        "slb:DescribeVServerGroups", (Of.LOAD_BALANCER,), "find the group by its name, and claims"
    ),
    Permission(
        "slb:DescribeVServerGroupAttribute",
        (Of.LOAD_BALANCER,),
        "read a group's backends before adding, and again afterwards",
    ),
    Permission(
        "slb:CreateVServerGroup", _BACKENDS, "make the group that is not there yet, as a claim"
    ),
    Permission(
        "slb:AddVServerGroupBackendServers",
        _BACKENDS,
        "add the backends; which servers a scaling group will make, nobody knows before",
    ),
    Permission(
        "slb:SetVServerGroupAttribute",
        (Of.LOAD_BALANCER,),
        "renew a claim, give the finished group its name, set weights that a request names",
    ),
    Permission(
        "slb:RemoveVServerGroupBackendServers",
        _BACKENDS,
        "take the servers of a scale-in out of the groups this function made",
    ),
    Permission(
        "slb:DeleteVServerGroup",
        (Of.LOAD_BALANCER,),
        "undo an own claim, clear an expired one, delete what a scale-in left empty",
    ),
    Permission(
        "ess:DescribeScalingInstances",
        (Of.SCALING_GROUP,),
        "leave out servers that have gone, find their addresses",
    ),
    Permission(
        "ess:DescribeLifecycleActions", (Of.SCALING_GROUP,), "is the hook still waiting for us"
    ),
    Permission(
        "ess:DescribeLifecycleHooks", (Of.SCALING_GROUP,), "how long does the hook wait for us"
    ),
    Permission(
        "ess:DescribeScalingActivities",
        (Of.SCALING_GROUP,),
        "since when does it wait, and how did the group's last activities end",
    ),
    Permission(
        "ess:RecordLifecycleActionHeartbeat",
        (Of.SCALING_GROUP,),
        "let the hook wait longer while the work goes on",
    ),
    Permission(
        "ess:CompleteLifecycleAction", (Of.SCALING_GROUP,), "let the scaling activity go on"
    ),
    Permission("mns:PublishMessage", (Of.TOPIC,), "publish the result"),
)
# Where a dead-letter queue is configured.
QUARANTINE = Permission("mns:SendMessage", (Of.QUEUE,), "keep what was given up, to be sent again")
# Where the load balancers are another account's: its role has the actions of slb, ours this one.
ASSUME_ROLE = Permission("sts:AssumeRole", (Of.ROLE,), "act for another account's load balancers")


class Place(NamedTuple):
    region: str
    id: str


EVERYWHERE = (Place("*", "*"),)


@dataclass(frozen=True, slots=True)
class Names:
    """What the resources of a policy are called; a template puts its own references there."""

    region: str
    account: str
    topic: str
    queue: str = ""
    load_balancers: tuple[Place, ...] = EVERYWHERE
    scaling_groups: tuple[Place, ...] = EVERYWHERE
    role: str = ""


def statements(
    names: Names, permissions: Iterable[Permission] = PERMISSIONS
) -> list[dict[str, Any]]:
    """One for each set of resources, which have the same actions."""
    actions: dict[tuple[str, ...], list[str]] = {}
    for permission in permissions:
        resources = tuple(arn for form in permission.on for arn in _arns(form, names))
        actions.setdefault(resources, []).append(permission.action)
    return [
        {"Effect": "Allow", "Action": allowed, "Resource": list(resources)}
        for resources, allowed in actions.items()
    ]


def needed(*, assumes_role: bool, quarantines: bool) -> tuple[Permission, ...]:
    """By the function's own role."""
    found = (*PERMISSIONS, QUARANTINE) if quarantines else PERMISSIONS
    if not assumes_role:
        return found
    return (*(p for p in found if not p.action.startswith("slb:")), ASSUME_ROLE)


def needed_by(settings: Settings) -> tuple[Permission, ...]:
    return needed(
        assumes_role=bool(settings.slb_role_arn), quarantines=bool(settings.dead_letter_queue)
    )


def of_others() -> tuple[Permission, ...]:
    """By the role of the account whose load balancers they are."""
    return tuple(p for p in PERMISSIONS if p.action.startswith("slb:"))


def names_of(settings: Settings, account: str) -> Names:
    """Without a binding, requests name load balancers that nobody knows yet."""
    policy = settings.config

    def each(field: str) -> tuple[Place, ...]:
        found = (
            Place(binding.region_id or policy.region_id, getattr(binding, field))
            for binding in policy.bindings
        )
        return tuple(dict.fromkeys(found)) or EVERYWHERE

    return Names(
        region=policy.region_id,
        account=account or "*",
        topic=settings.result_topic,
        queue=settings.dead_letter_queue,
        load_balancers=each("load_balancer_id"),
        scaling_groups=each("scaling_group_id"),
        role=settings.slb_role_arn,
    )


def documents(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    """By whose they are: the function's role, and the one that it assumes."""
    names = names_of(settings, account)
    assumed = settings.slb_role_arn
    found = {"function": _document(statements(names, needed_by(settings)))}
    if assumed:
        owner = replace(names, account=assumed.split(":")[3])
        found[assumed] = _document(statements(owner, of_others()))
    return found


def show(cloud: Cloud, environ: Mapping[str, str], *, why: bool, as_json: bool) -> int:
    settings = configuration.settings(environ)
    if why:
        _show_reasons(needed_by(settings), as_json=as_json)
        return ending.OK
    account = cloud.account or environ.get("FC_ACCOUNT_ID", "")
    found = documents(settings, account)
    ending.write_json(found["function"] if len(found) == 1 else found)
    return ending.OK


def _show_reasons(permissions: Sequence[Permission], *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"action": p.action, "resources": [form.value for form in p.on], "why": p.why}
        for p in permissions
    ]
    if as_json:
        ending.write_json(rows)
        return
    console = Console(highlight=False, soft_wrap=True)
    for row in rows:
        console.print(f"{row['action']}: {row['why']}", markup=False)
        for resource in row["resources"]:
            console.print(f"    {resource}", markup=False)


def _arns(form: Of, names: Names) -> Iterator[str]:
    fields = {"account": names.account, "topic": names.topic, "queue": names.queue}
    places = {
        Of.LOAD_BALANCER: names.load_balancers,
        Of.SCALING_GROUP: names.scaling_groups,
        Of.SERVERS: [Place(place.region, "*") for place in names.load_balancers],
    }
    for region, id_ in dict.fromkeys(places.get(form, (Place(names.region, ""),))):
        yield form.value.format(**fields, region=region, id=id_, role=names.role)


def _document(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": found}


def allows(action: str) -> bool:
    """Whether any permission is of this action, as "service:Action"."""
    return action in {p.action for p in (*PERMISSIONS, QUARANTINE, ASSUME_ROLE)}
