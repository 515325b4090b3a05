"""LoadBalancers and VServerGroups of a seed document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.documents import Problem, pointer
from localcloud.services.slb.backends import read
from localcloud.services.slb.groups import ACTIVE, BACKEND_QUOTA, LoadBalancer, VServerGroup
from localcloud.services.slb.listeners import Listener, Rule
from localcloud.services.slb.model import LoadBalancing
from localcloud.services.slb.tags import check_tags
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def plant(slb: LoadBalancing, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    yield from _plant_load_balancers(slb, document.get("LoadBalancers", []), now)
    yield from _plant_groups(slb, document.get("VServerGroups", []), now)
    yield from _check_references(slb, document.get("LoadBalancers", []))


def _plant_load_balancers(
    slb: LoadBalancing, rows: list[dict[str, Any]], now: float
) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        load_balancer = LoadBalancer(
            load_balancer_id=row["LoadBalancerId"],
            region_id=row["RegionId"],
            create_time=row.get("CreateTime", timestamp(now)),
            backend_quota=row.get("BackendQuota", BACKEND_QUOTA),
            vserver_group_quota=row.get("VServerGroupQuota"),
            status=row.get("LoadBalancerStatus", ACTIVE),
            listeners=[_listener(item) for item in row.get("Listeners", [])],
            rules=[_rule(item) for item in row.get("Rules", [])],
            name=row.get("LoadBalancerName", row["LoadBalancerId"]),
            address=row.get("Address", ""),
            vpc_id=row.get("VpcId", ""),
            account=row.get("Account", ""),
        )
        if slb.load_balancers.setdefault(row["LoadBalancerId"], load_balancer) is not load_balancer:
            path = pointer("LoadBalancers", index, "LoadBalancerId")
            yield Problem(path, f"{row['LoadBalancerId']} exists already")


def _listener(row: dict[str, Any]) -> Listener:
    return Listener(
        row["Port"],
        row["Protocol"],
        row["VServerGroupId"],
        is_running=row.get("Status", "running") == "running",
        health_check=row.get("HealthCheck", "on") == "on",
    )


def _rule(row: dict[str, Any]) -> Rule:
    return Rule(
        rule_id=row["RuleId"],
        rule_name=row.get("RuleName", ""),
        domain=row.get("Domain", ""),
        url=row.get("Url", ""),
        vserver_group_id=row["VServerGroupId"],
        listener_port=row.get("ListenerPort"),
    )


def _plant_groups(slb: LoadBalancing, rows: list[dict[str, Any]], now: float) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        load_balancer = slb.load_balancers.get(row["LoadBalancerId"])
        if load_balancer is None:
            path = pointer("VServerGroups", index, "LoadBalancerId")
            yield Problem(path, f"there is no load balancer {row['LoadBalancerId']}")
        elif row.get("VServerGroupId") in slb.groups:
            path = pointer("VServerGroups", index, "VServerGroupId")
            yield Problem(path, f"{row['VServerGroupId']} exists already")
        else:
            try:
                _plant_group(slb, load_balancer, row).note_backends(now)
            except ApiError as error:
                problem = f"{error.code}: {error.message}"
                yield Problem(pointer("VServerGroups", index), problem)


def _plant_group(
    slb: LoadBalancing, load_balancer: LoadBalancer, row: dict[str, Any]
) -> VServerGroup:
    tags = check_tags([(tag["Key"], tag.get("Value", "")) for tag in row.get("Tags", [])])
    backends = read(row.get("BackendServers", []))
    group_id = row.get("VServerGroupId")
    return slb.create(load_balancer, row["VServerGroupName"], backends, tags, group_id)


def _check_references(slb: LoadBalancing, rows: list[dict[str, Any]]) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        for kind in ("Listeners", "Rules"):
            for position, item in enumerate(row.get(kind, [])):
                group = slb.groups.get(item["VServerGroupId"])
                owner = group and group.load_balancer.load_balancer_id
                if owner != row["LoadBalancerId"]:
                    path = pointer("LoadBalancers", index, kind, position, "VServerGroupId")
                    yield Problem(path, f"this load balancer has no group {item['VServerGroupId']}")
