"""Maps a request to the VServer groups that load balancers should have.

A request with backends needs no binding. A request with instances, as every hook is, is mapped by
the bindings of its scaling group, or by the only binding of its load balancer. The same schema
checks the mapped backends and the backends of a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, Problem, Rejected, Skip
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


def check_region(request: Request, config: DeploymentConfig) -> None:
    """Raise `Rejected` if a request names a region that is not one of this deployment's.

    A region becomes a part of host names: a wrong one would send signed calls, with the token of
    the role, to another host.
    """
    if request.region_id and not config.has_region(request.region_id):
        key = "regionId" if request.action else "RegionId"
        raise Rejected(
            Code.INVALID_REQUEST,
            f"{key} is not a region of this deployment: REGION_ID, a binding's RegionId, or one of "
            "REGIONS; correct it, or add the region to REGIONS",
            path=f"/{key}",
        )


def find_bindings(request: Request, config: DeploymentConfig) -> tuple[Binding, ...]:
    """Return the bindings that map the request's instances, with the overrides of its hook.

    Raises `Rejected` if there are none, or if several are for the load balancer and the request has
    no ScalingGroupId. Raises `Skip` for a hook of another consumer, if the deployment allows that.
    """
    group, balancer = request.scaling_group_id, request.load_balancer_id
    bindings = tuple(
        binding
        for binding in config.bindings
        if (binding.scaling_group_id == group if group or request.action else True)
        and balancer in ("", binding.load_balancer_id)
    )
    if not bindings and group and request.action and config.skip_unbound_hooks:
        raise Skip("a lifecycle hook of a scaling group without a binding; UNBOUND_HOOKS is skip")
    if not bindings or (not group and len(bindings) > 1):
        raise _no_binding_error(request, len(bindings))
    if request.vserver_group_name and len(bindings) > 1:
        raise Rejected(
            Code.BINDING_UNFIT,
            f"{len(bindings)} bindings map these instances, each to a group of its own; leave "
            "VServerGroupName out, or name the LoadBalancerId of one",
            path="/VServerGroupName",
        )
    metadata = request.action.metadata if request.action else ""
    return tuple(apply_overrides(binding, metadata) for binding in bindings)


def _no_binding_error(request: Request, count: int) -> Rejected:
    if count:
        remedy = f"{count} bindings are for this load balancer; name the ScalingGroupId of one"
        return Rejected(Code.NO_BINDING, remedy, path="/ScalingGroupId")
    group = request.scaling_group_id
    if request.action and not group:
        message = (
            "the message names no scaling group, and its instances are not all in one scaling "
            "group; forward the message as ESS sent it"
        )
        return Rejected(Code.NO_BINDING, message, path="/content/scalingGroupId")
    subject = f"scaling group {group}" if group else f"load balancer {request.load_balancer_id}"
    return Rejected(
        Code.NO_BINDING,
        f"no binding is configured for {subject}; add one to BINDINGS, or name BackendServers and "
        "VServerGroupName",
        path="/ScalingGroupId" if group else "/LoadBalancerId",
    )


def map_request(
    request: Request,
    bindings: Sequence[Binding],
    instances: Sequence[Instance],
    config: DeploymentConfig,
) -> tuple[DesiredGroup, ...]:
    """Return one group for each of `bindings` with `instances`, or the group of the backends.

    Raises `Rejected` if any of the groups fails a check.
    """
    if request.backends is not None:
        return (_map_backends(request, request.backends, config),)
    groups = tuple(_map_binding(request, binding, instances, config) for binding in bindings)
    if len({(each.group.load_balancer_id, each.group.name) for each in groups}) < len(groups):
        raise Rejected(
            Code.BINDING_UNFIT,
            "two bindings map these instances to the same VServer group; give each binding a "
            "VServerGroupName of its own",
            path="/VServerGroupName",
        )
    return groups


def _map_backends(
    request: Request, backends: tuple[Backend, ...], config: DeploymentConfig
) -> DesiredGroup:
    group = VServerGroup(
        request.region_id or config.region_id,
        request.load_balancer_id,
        request.vserver_group_name,
        diff.deduplicate(backends),
    )
    return _check_group(group, request, config, named_by_binding=False)


def _derive_name(binding: Binding, request: Request) -> str:
    """Expand the template for the binding's scaling group, which the request may leave out."""
    if naming.has_activity_fact(binding.name_template) and not (
        request.action and request.action.scaling_activity_id
    ):
        raise Rejected(
            Code.BINDING_UNFIT,
            "the binding's template needs a scaling activity, and this event has none; give a "
            "VServerGroupName in the request",
            path="/VServerGroupName",
        )
    bound_request = replace(request, scaling_group_id=binding.scaling_group_id)
    return naming.expand_template(binding.name_template, bound_request)


def _map_binding(
    request: Request, binding: Binding, instances: Iterable[Instance], config: DeploymentConfig
) -> DesiredGroup:
    group = VServerGroup(
        binding.region_id or request.region_id or config.region_id,
        binding.load_balancer_id,
        request.vserver_group_name or _derive_name(binding, request),
        backends_from_instances(binding, instances),
    )
    named_by_binding = not request.vserver_group_name
    return replace(
        _check_group(group, request, config, named_by_binding=named_by_binding),
        failure_result=binding.failure_result,
        accept_partial=binding.accept_partial,
    )


def _check_group(
    group: VServerGroup, request: Request, config: DeploymentConfig, *, named_by_binding: bool
) -> DesiredGroup:
    problems = naming.check_name(group.name, "/VServerGroupName")
    problems += check_addresses(group.backends)
    problems += check_network_interfaces(group.backends)
    if not problems:
        backends = document.render_backend_servers(group.backends)
        problems = validation.validate("backend-servers", backends)
    if problems:
        raise Rejected.from_problems(problems, code=Code.BINDING_UNFIT, what="the mapped request")
    if len(group.backends) > config.backend_quota:
        raise Rejected(
            Code.QUOTA_EXCEEDED,
            f"{len(group.backends)} backends exceed the quota of {config.backend_quota} for one "
            "load balancer; have the quota raised and set BACKEND_QUOTA to it",
            path="/BackendServers",
            fault=Fault.CONFLICT,
        )
    fingerprint = naming.compute_fingerprint(request, group)
    return DesiredGroup(
        replace(group, tags={**request.tags, **naming.build_owner_tags(fingerprint)}),
        request.on_existing or (OnExisting.EXTEND if named_by_binding else OnExisting.REFUSE),
        fingerprint,
        from_hook=request.action is not None,
        may_change_foreign=named_by_binding
        or config.may_change_foreign(group.load_balancer_id, group.name),
    )


def backends_from_instances(binding: Binding, instances: Iterable[Instance]) -> tuple[Backend, ...]:
    """Return one backend for each instance and port of the binding."""
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
    """Check that each ENI or ECI backend has a ServerIp, which is a part of its identity."""
    missing = {b.server_id for b in backends if b.type != "ecs" and not b.server_ip}
    if not missing:
        return []
    return [
        Problem(
            "/Instances",
            f"{len(missing)} instance(s) have no private address in ESS, and their Type needs a "
            "ServerIp; give a ServerIp in the request, or use Type ecs",
        )
    ]


def check_network_interfaces(backends: Sequence[Backend]) -> list[Problem]:
    """Check that no ENI backend has the id of an instance: CLB does not know it (sdk)."""
    instances = {b.server_id for b in backends if b.type == "eni" and b.server_id.startswith("i-")}
    if not instances:
        return []
    return [
        Problem(
            "/Instances",
            f"{len(instances)} instance(s) are named by their own ids, and Type eni needs those of "
            "their network interfaces (eni-…), which are not looked up; use Type ecs, or name the "
            "interfaces in the request",
        )
    ]
