"""Permissions, by calls that are made for real where they read, and that cannot take effect where
they write: each of those is refused for several documented reasons, or names what cannot be there.
What is left is told as not checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alibabacloud_ess20220222 import models as ess
from alibabacloud_slb20140515 import models as slb

from opskit.policy import Permission, needed_by, of_others
from provisioner.errors import Retryable
from provisioner.model import Binding

from .finding import Finding, failure, ok, unknown
from .patient import Patient, RefusedError, asked

_NOBODY = "opskit-doctor"
# More than 20 of them, each with a port that there is not.
_BAD_SERVERS = json.dumps([{"ServerId": _NOBODY, "Port": 0, "Weight": 0}] * 21)
_BAD_NAME = "!" * 81  # too long, and of no letter that a name may have

Dry = Callable[[Patient, Binding], Any]


def permissions(patient: Patient) -> Iterator[Finding]:
    """Of whoever asks, which is the function's role only where its keys are given."""
    if patient.settings is None or not patient.bindings:
        yield unknown("permissions need a binding to be tried with", "configure a binding")
        return
    role = bool(patient.settings.slb_role_arn)
    if role:
        try:
            patient.owner()
        except Retryable as error:
            yield failure(f"sts:AssumeRole: {error.message}", "see opskit policy --why")
            return
        yield ok("sts:AssumeRole is allowed")
    listed = [p for p in needed_by(patient.settings) if p.action != "sts:AssumeRole"]
    if role:
        listed += of_others()
    for permission in listed:
        yield _tried(patient, patient.bindings[0], permission)


def _tried(patient: Patient, binding: Binding, permission: Permission) -> Finding:
    action = permission.action
    if action not in _DRY:
        why = _NOT_TRIED.get(action, "there is no call that could not take effect")
        return unknown(f"{action} is not checked: {why}", "see the result of a first event")
    try:
        asked(lambda: _DRY[action](patient, binding))
    except _NoGroupError:
        told = f"{action} is not checked: there is no VServer group to try it with"
        return unknown(told, "make one, empty, and ask again")
    except RefusedError as error:
        return _refused(action, error)
    return ok(f"{action} is allowed")


def _refused(action: str, error: RefusedError) -> Finding:
    if error.is_of_permission and action in _ON_NOTHING:
        told = f"{action}: {error}, which a group that is not there may be the reason of"
        return unknown(told, "compare the role's policy with opskit policy")
    if error.is_of_permission:
        return failure(f"{action}: {error}", "allow it as opskit policy prints it")
    if not error.code:
        return unknown(f"{action}: {error}", "see what is said about the endpoint")
    return ok(f"{action} is allowed (refused for another reason, as it should be: {error})")


class _NoGroupError(Exception):
    """Some calls can be tried on a group that is there only."""


def _group(patient: Patient, binding: Binding) -> str:
    try:
        body = asked(lambda: _list(patient, binding)).body
    except RefusedError as error:
        raise _NoGroupError from error
    listed = (body.vserver_groups and body.vserver_groups.vserver_group) or ()
    for group in listed:
        return str(group.vserver_group_id)
    raise _NoGroupError


def _list(patient: Patient, binding: Binding) -> Any:
    request = slb.DescribeVServerGroupsRequest(
        region_id=patient.region_of(binding), load_balancer_id=binding.load_balancer_id
    )
    return patient.slb().describe_vserver_groups(request)


def _read(patient: Patient, binding: Binding) -> Any:
    request = slb.DescribeVServerGroupAttributeRequest(
        region_id=patient.region_of(binding), vserver_group_id=_group(patient, binding)
    )
    return patient.slb().describe_vserver_group_attribute(request)


def _create(patient: Patient, binding: Binding) -> Any:
    request = slb.CreateVServerGroupRequest(
        region_id=patient.region_of(binding),
        load_balancer_id=binding.load_balancer_id,
        vserver_group_name=_BAD_NAME,
        backend_servers=_BAD_SERVERS,
    )
    return patient.slb().create_vserver_group(request)


def _add(patient: Patient, binding: Binding) -> Any:
    request = slb.AddVServerGroupBackendServersRequest(
        region_id=patient.region_of(binding),
        vserver_group_id=_group(patient, binding),
        backend_servers=_BAD_SERVERS,
    )
    return patient.slb().add_vserver_group_backend_servers(request)


def _remove(patient: Patient, binding: Binding) -> Any:
    request = slb.RemoveVServerGroupBackendServersRequest(
        region_id=patient.region_of(binding),
        vserver_group_id=_group(patient, binding),
        backend_servers=_BAD_SERVERS,
    )
    return patient.slb().remove_vserver_group_backend_servers(request)


def _set(patient: Patient, binding: Binding) -> Any:
    request = slb.SetVServerGroupAttributeRequest(
        region_id=patient.region_of(binding),
        vserver_group_id=_group(patient, binding),
        vserver_group_name=_BAD_NAME,
        backend_servers=_BAD_SERVERS,
    )
    return patient.slb().set_vserver_group_attribute(request)


def _delete(patient: Patient, binding: Binding) -> Any:
    request = slb.DeleteVServerGroupRequest(
        region_id=patient.region_of(binding), vserver_group_id=_NOBODY
    )
    return patient.slb().delete_vserver_group(request)


def _instances(patient: Patient, binding: Binding) -> Any:
    request = ess.DescribeScalingInstancesRequest(
        region_id=patient.region_of(binding), scaling_group_id=binding.scaling_group_id
    )
    return patient.ess().describe_scaling_instances(request)


def _actions(patient: Patient, binding: Binding) -> Any:
    request = ess.DescribeLifecycleActionsRequest(
        region_id=patient.region_of(binding), scaling_activity_id=_NOBODY
    )
    return patient.ess().describe_lifecycle_actions(request)


def _hooks(patient: Patient, binding: Binding) -> Any:
    request = ess.DescribeLifecycleHooksRequest(
        region_id=patient.region_of(binding), scaling_group_id=binding.scaling_group_id
    )
    return patient.ess().describe_lifecycle_hooks(request)


def _activities(patient: Patient, binding: Binding) -> Any:
    request = ess.DescribeScalingActivitiesRequest(
        region_id=patient.region_of(binding), scaling_group_id=binding.scaling_group_id
    )
    return patient.ess().describe_scaling_activities(request)


def _heartbeat(patient: Patient, binding: Binding) -> Any:
    request = ess.RecordLifecycleActionHeartbeatRequest(
        region_id=patient.region_of(binding),
        lifecycle_hook_id=_NOBODY,
        lifecycle_action_token=_NOBODY,
    )
    return patient.ess().record_lifecycle_action_heartbeat(request)


def _complete(patient: Patient, binding: Binding) -> Any:
    request = ess.CompleteLifecycleActionRequest(
        region_id=patient.region_of(binding),
        lifecycle_hook_id=_NOBODY,
        lifecycle_action_token=_NOBODY,
        lifecycle_action_result="CONTINUE",
    )
    return patient.ess().complete_lifecycle_action(request)


_DRY: Mapping[str, Dry] = {
    "slb:DescribeVServerGroups": _list,
    "slb:DescribeVServerGroupAttribute": _read,
    "slb:CreateVServerGroup": _create,
    "slb:AddVServerGroupBackendServers": _add,
    "slb:RemoveVServerGroupBackendServers": _remove,
    "slb:SetVServerGroupAttribute": _set,
    "slb:DeleteVServerGroup": _delete,
    "ess:DescribeScalingInstances": _instances,
    "ess:DescribeLifecycleActions": _actions,
    "ess:DescribeLifecycleHooks": _hooks,
    "ess:DescribeScalingActivities": _activities,
    "ess:RecordLifecycleActionHeartbeat": _heartbeat,
    "ess:CompleteLifecycleAction": _complete,
}
_NOT_TRIED = {
    "mns:PublishMessage": "every message that the topic takes is delivered",
    "mns:SendMessage": "every message that the queue takes is a letter",
}
# Tried on what is not there: a policy that names a load balancer does not cover it.
_ON_NOTHING = {
    "slb:DeleteVServerGroup",
    "ess:DescribeLifecycleActions",
    "ess:RecordLifecycleActionHeartbeat",
    "ess:CompleteLifecycleAction",
}
