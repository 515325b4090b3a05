"""VServer groups on the wire: reads parameters, writes documented shapes.

The rules are in model.py, load balancers in balancer_api.py, listeners and forwarding rules in
listener_api.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.services.slb import balancer_api, health_api, listener_api
from localcloud.services.slb.backends import named_servers, parse, refused
from localcloud.services.slb.balancer_api import load_balancer_of
from localcloud.services.slb.model import groups_of
from localcloud.services.slb.replicas import reader_of
from localcloud.services.slb.tags import read_tags
from localcloud.services.slb.transactions import change
from localcloud.wire import rpc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.slb.backends import Backend
    from localcloud.services.slb.groups import VServerGroup


_LISTS = ("BackendServers", "OldBackendServers", "NewBackendServers")


def create_vserver_group(cloud: Cloud, call: Call) -> dict[str, Any]:
    slb = cloud.world.slb
    call.parameters.require("RegionId")
    slb.pace.count_creation(cloud.clock.now())
    load_balancer = load_balancer_of(cloud, call)
    name, tags = call.parameters.text("VServerGroupName"), read_tags(call.parameters)
    with change(cloud, call, load_balancer) as begun:
        group = begun.group = slb.create(load_balancer, name, _backends(call), tags)
    call.concerns["VServerGroupId"] = group.vserver_group_id
    return _with_backends(group)


def add_vserver_group_backend_servers(cloud: Cloud, call: Call) -> dict[str, Any]:
    group = _group(cloud, call)
    call.parameters.require("BackendServers")
    with change(cloud, call, group.load_balancer, group):
        cloud.world.slb.add(group, _backends(call))
    return _with_backends(group)


def remove_vserver_group_backend_servers(cloud: Cloud, call: Call) -> dict[str, Any]:
    group = _group(cloud, call)
    call.parameters.require("BackendServers")
    with change(cloud, call, group.load_balancer, group):
        cloud.world.slb.remove(group, _backends(call), cloud.clock.now())
    return _with_backends(group)


def modify_vserver_group_backend_servers(cloud: Cloud, call: Call) -> dict[str, Any]:
    group = _group(cloud, call)
    old, new = _backends(call, "OldBackendServers"), _backends(call, "NewBackendServers")
    with change(cloud, call, group.load_balancer, group):
        cloud.world.slb.modify(group, old, new)
    return _with_backends(group)


def set_vserver_group_attribute(cloud: Cloud, call: Call) -> dict[str, Any]:
    group, name = _group(cloud, call), call.parameters.text("VServerGroupName")
    with change(cloud, call, group.load_balancer, group):
        cloud.world.slb.set(group, name, _backends(call), cloud.clock.now())
    return {**_with_backends(group), "VServerGroupName": group.name}


def delete_vserver_group(cloud: Cloud, call: Call) -> dict[str, Any]:
    group = _group(cloud, call)
    with change(cloud, call, group.load_balancer, group):
        cloud.world.slb.delete(group)
    return {}


def describe_vserver_groups(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters = call.parameters
    balancer = load_balancer_of(cloud, call)
    wanted = read_tags(parameters).items()
    part = parameters.text("Description") or ""
    groups = [
        _listed(group, parameters.flag("IncludeListener"), parameters.flag("IncludeRule"))
        for group in groups_of(balancer, _seen(cloud, call))
        # inferred: Description is any part of the name; of several tags, all.
        if part in group.name and wanted <= group.tags.items()
    ]
    return {"VServerGroups": {"VServerGroup": groups}}


def describe_vserver_group_attribute(cloud: Cloud, call: Call) -> dict[str, Any]:
    group = _group(cloud, call, _seen(cloud, call))
    return {
        **_with_backends(group),
        "VServerGroupName": group.name,
        "LoadBalancerId": group.load_balancer.load_balancer_id,
        "CreateTime": group.load_balancer.create_time,
        "Tags": _tags(group),
    }


def subjects(cloud: Cloud, call: Call) -> dict[str, set[str]]:
    """What a call is about, for the rules of faults: the servers that it names, and the load
    balancer and the name of its group."""
    texts = (call.parameters.text(name) for name in _LISTS)
    found = {"ServerId": {server for text in texts for server in named_servers(text)}}
    group = cloud.world.slb.groups.get(call.parameters.text("VServerGroupId") or "")
    if group is not None:
        found["LoadBalancerId"] = {group.load_balancer.load_balancer_id}
        found["VServerGroupName"] = {group.name}
    return found


def actual(cloud: Cloud, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of a change that had no effect: it lists what the group holds in truth."""
    group = cloud.world.slb.groups.get(answer.get("VServerGroupId", ""))
    if group is None:
        return answer
    named = {"VServerGroupName": group.name} if "VServerGroupName" in answer else {}
    return {**answer, **_with_backends(group), **named}


def _seen(cloud: Cloud, call: Call) -> Mapping[str, VServerGroup]:
    slb = cloud.world.slb
    return slb.replicas.view(slb.groups, reader_of(call), cloud.clock.now())


def _group(
    cloud: Cloud, call: Call, groups: Mapping[str, VServerGroup] | None = None
) -> VServerGroup:
    region_id = call.parameters.require("RegionId")
    group_id = call.parameters.require("VServerGroupId")
    group = cloud.world.slb.group(group_id, region_id, call.account, groups)
    call.concerns["LoadBalancerId"] = group.load_balancer.load_balancer_id
    return group


def _backends(call: Call, name: str = "BackendServers") -> list[Backend]:
    if call.parameters.text(f"{name}.1.ServerId"):
        # sdk: a Python list is flattened to this. What the cloud does is unknown; a silently
        # empty group would hide the mistake.
        raise refused("BackendServersMalformed", f"{name} is a string that holds a JSON list.")
    return parse(call.parameters.text(name))


def _with_backends(group: VServerGroup) -> dict[str, Any]:
    # doc: all backends of the group after the call.
    backends = [backend.describe() for backend in group.backends.values()]
    return {
        "VServerGroupId": group.vserver_group_id,
        "BackendServers": {"BackendServer": backends},
    }


def _listed(group: VServerGroup, listeners: bool, rules: bool) -> dict[str, Any]:
    return {
        "VServerGroupId": group.vserver_group_id,
        "VServerGroupName": group.name,
        # doc: the load balancer's creation time, whatever the field's name says.
        "CreateTime": group.load_balancer.create_time,
        "Tags": _tags(group),
        # doc: ServerCount is off by default. The samples show empty lists here.
        "AssociatedObjects": {
            "Listeners": {"Listener": [item.listed() for item in group.listeners if listeners]},
            "Rules": {"Rule": [item.listed() for item in group.rules if rules]},
        },
    }


def _tags(group: VServerGroup) -> dict[str, Any]:
    return {"Tag": [{"TagKey": key, "TagValue": value} for key, value in group.tags.items()]}


SERVICE = Service(
    name="slb",
    dialect=rpc,
    versions=("2014-05-15",),
    operations={
        "CreateVServerGroup": create_vserver_group,
        "AddVServerGroupBackendServers": add_vserver_group_backend_servers,
        "RemoveVServerGroupBackendServers": remove_vserver_group_backend_servers,
        "ModifyVServerGroupBackendServers": modify_vserver_group_backend_servers,
        "SetVServerGroupAttribute": set_vserver_group_attribute,
        "DeleteVServerGroup": delete_vserver_group,
        "DescribeVServerGroups": describe_vserver_groups,
        "DescribeVServerGroupAttribute": describe_vserver_group_attribute,
        **balancer_api.OPERATIONS,
        **listener_api.OPERATIONS,
        **health_api.OPERATIONS,
    },
    subjects=subjects,
    actual=actual,
)
