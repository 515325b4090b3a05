"""Bindings: which VServer groups a scaling group feeds.

A request that names its backends needs none. One that names instances, as every hook does, is
mapped by the bindings of its scaling group, or by the only binding of its load balancer. What comes
out is what each load balancer should hold, checked by the same schema as a request's own backends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, Problem, Rejected
from provisioner.groups import diff, naming
from provisioner.model import (
    Backend,
    Binding,
    DesiredGroup,
    Instance,
    OnExisting,
    Request,
    VServerGroup,
)

from . import document, validation
from .config import DeploymentConfig, apply_overrides


def find_bindings(request: Request, policy: DeploymentConfig) -> tuple[Binding, ...]:
    """The bindings that map this request's instances. Raises `Rejected` where there are none."""
    group, balancer = request.scaling_group_id, request.load_balancer_id
    found = tuple(
        binding
        for binding in policy.bindings
        if (binding.scaling_group_id == group if group or request.action else True)
        and balancer in ("", binding.load_balancer_id)
    )
    if not found or (not group and len(found) > 1):
        raise _no_binding_error(request, len(found))
    if request.vserver_group_name and len(found) > 1:
        raise Rejected(
            Code.BINDING_UNFIT,
            f"{len(found)} bindings map these instances, each to a group of its own; leave "
            "VServerGroupName out, or name the LoadBalancerId of one",
            path="/VServerGroupName",
        )
    metadata = request.action.metadata if request.action else ""
    return tuple(apply_overrides(binding, metadata) for binding in found)


def _no_binding_error(request: Request, found: int) -> Rejected:
    if found:
        remedy = f"{found} bindings are for this load balancer; name the ScalingGroupId of one"
        return Rejected(Code.NO_BINDING, remedy, path="/ScalingGroupId")
    if request.action and not request.scaling_group_id:
        unknown = "the message names no scaling group, and its instances are in no single one"
        return Rejected(Code.NO_BINDING, unknown, path="/content/scalingGroupId")
    group = request.scaling_group_id
    what = f"scaling group {group}" if group else f"load balancer {request.load_balancer_id}"
    return Rejected(
        Code.NO_BINDING,
        f"no binding is configured for {what}; add one to BINDINGS, or name BackendServers and "
        "VServerGroupName",
        path="/ScalingGroupId" if group else "/LoadBalancerId",
    )


def map_request(
    request: Request,
    bound: Sequence[Binding],
    instances: Sequence[Instance],
    policy: DeploymentConfig,
) -> tuple[DesiredGroup, ...]:
    """What each load balancer should hold: `instances` mapped by each of `bound`, or the request's
    own backends. Raises `Rejected` before anything is done for any of them."""
    if request.backends is not None:
        return (_map_backends(request, request.backends, policy),)
    mapped = tuple(_map_binding(request, binding, instances, policy) for binding in bound)
    if len({(d.group.load_balancer_id, d.group.name) for d in mapped}) < len(mapped):
        raise Rejected(
            Code.BINDING_UNFIT,
            "two bindings of these instances come to one VServer group, which each would fill; "
            "give each a VServerGroupName of its own",
            path="/VServerGroupName",
        )
    return mapped


def _map_backends(
    request: Request, wanted: tuple[Backend, ...], policy: DeploymentConfig
) -> DesiredGroup:
    named_by = None if request.vserver_group_name else _find_naming_binding(request, policy)
    name = _derive_name(named_by, request) if named_by else request.vserver_group_name
    bound_region = named_by.region_id if named_by else ""
    region_id = request.region_id or bound_region or policy.region_id
    group = VServerGroup(region_id, request.load_balancer_id, name, diff.deduplicate(wanted))
    return _check_group(group, request, policy, named_by_binding=named_by is not None)


def _find_naming_binding(request: Request, policy: DeploymentConfig) -> Binding:
    try:
        (binding,) = find_bindings(request, policy)
    except (Rejected, ValueError) as error:
        raise Rejected(
            Code.INVALID_REQUEST,
            "VServerGroupName is required: no single binding derives one for this request",
            path="/VServerGroupName",
        ) from error
    return binding


def _derive_name(binding: Binding, request: Request) -> str:
    """Of the binding's scaling group, which the request need not have named."""
    if naming.has_activity_fact(binding.name_template) and not (
        request.action and request.action.scaling_activity_id
    ):
        raise Rejected(
            Code.BINDING_UNFIT,
            "the binding names its group by the scaling activity, and this event has none; "
            "name VServerGroupName in the request",
            path="/VServerGroupName",
        )
    known = replace(request, scaling_group_id=binding.scaling_group_id)
    return naming.expand_template(binding.name_template, known)


def _map_binding(
    request: Request, binding: Binding, instances: Iterable[Instance], policy: DeploymentConfig
) -> DesiredGroup:
    name = request.vserver_group_name or _derive_name(binding, request)
    regions = (binding.region_id, request.region_id, policy.region_id)
    group = VServerGroup(
        next(region for region in regions if region),
        binding.load_balancer_id,
        name,
        backends_from_instances(binding, instances),
    )
    checked = _check_group(group, request, policy, named_by_binding=not request.vserver_group_name)
    return replace(
        checked, failure_result=binding.failure_result, accept_partial=binding.accept_partial
    )


def _check_group(
    group: VServerGroup, request: Request, policy: DeploymentConfig, *, named_by_binding: bool
) -> DesiredGroup:
    found = naming.check_name(group.name, "/VServerGroupName")
    found += check_addresses(group.backends)
    if not found:
        found = validation.validate(
            "backend-servers", document.render_backend_servers(group.backends)
        )
    if found:
        raise Rejected.from_problems(found, code=Code.BINDING_UNFIT, what="the mapped request")
    if len(group.backends) > policy.backend_quota:
        raise Rejected(
            Code.QUOTA_EXCEEDED,
            f"{len(group.backends)} backends exceed the quota of {policy.backend_quota} for one "
            "load balancer; have the quota raised and set BACKEND_QUOTA to it",
            path="/BackendServers",
            fault=Fault.CONFLICT,
        )
    mark = naming.compute_fingerprint(request, group)
    return DesiredGroup(
        replace(group, tags={**request.tags, **naming.build_owner_tags(mark)}),
        request.on_existing or (OnExisting.EXTEND if named_by_binding else OnExisting.REFUSE),
        mark,
        from_hook=request.action is not None,
    )


def backends_from_instances(binding: Binding, instances: Iterable[Instance]) -> tuple[Backend, ...]:
    """One backend for each instance and port of the binding."""
    return diff.deduplicate(
        Backend(
            server_id=instance.instance_id,
            port=port,
            weight=binding.weight if instance.weight is None else instance.weight,
            type=binding.type,
            server_ip="" if binding.type == "ecs" else instance.server_ip,
            description=binding.description,
            weight_is_explicit=instance.weight is not None,
        )
        for instance in instances
        for port in binding.ports
    )


def check_addresses(backends: Sequence[Backend]) -> list[Problem]:
    """An ENI or ECI backend is an address: without ServerIp it cannot be told from its siblings."""
    missing = sorted({b.server_id for b in backends if b.type != "ecs" and not b.server_ip})
    if not missing:
        return []
    return [
        Problem(
            "/Instances",
            f"{len(missing)} instance(s) have no private address known to ESS, and their Type "
            "needs a ServerIp; name ServerIp in the request or use Type ecs",
        )
    ]
