"""DescribeHealthStatus on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.services.slb.backends import refused
from localcloud.services.slb.balancer_api import find_load_balancer
from localcloud.services.slb.listener_api import listener_not_found
from localcloud.services.slb.replicas import reader_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.slb.groups import LoadBalancer
    from localcloud.services.slb.listeners import Listener


def describe_health_status(cloud: Cloud, call: Call) -> dict[str, Any]:
    balancer = find_load_balancer(cloud, call)
    listeners = _listeners(call, balancer)
    rows = [row for item in listeners for row in _backends(cloud, call, balancer, item)]
    return {"BackendServers": {"BackendServer": rows}}


def _listeners(call: Call, balancer: LoadBalancer) -> list[Listener]:
    port = call.parameters.integer("ListenerPort", default=0, low=1, high=65535)
    protocol = call.parameters.text("ListenerProtocol")
    found = [
        item
        for item in balancer.listeners
        if port in (0, item.port) and protocol in (None, item.protocol)
    ]
    if port and not found:
        raise listener_not_found()
    if port and len(found) > 1:  # doc
        message = "More than 1 listener is found, please be more specified."
        raise refused("TooManyListeners", message)
    return found


def _backends(
    cloud: Cloud, call: Call, balancer: LoadBalancer, listener: Listener
) -> Iterator[dict[str, Any]]:
    """The backends of the groups that the listener and its rules refer to, each group once."""
    slb, now = cloud.world.slb, cloud.clock.now()
    groups = slb.replicas.view(slb.groups, reader_of(call), now)
    rules = [
        rule
        for rule in balancer.rules
        if listener.has_rules and rule.listener_port == listener.port
    ]
    ids = dict.fromkeys([listener.vserver_group_id, *(rule.vserver_group_id for rule in rules)])
    for group in (groups[group_id] for group_id in ids if group_id in groups):
        for backend in group.backends.values():
            yield {  # sdk: without Type
                "ServerId": backend.server_id,
                "Port": backend.port,
                "ServerIp": backend.ip or cloud.world.compute.address_of(backend.server_id),
                "ListenerPort": listener.port,
                "Protocol": listener.protocol,
                "ServerHealthStatus": slb.health.status(listener, group, backend, now),
            }


OPERATIONS = {"DescribeHealthStatus": describe_health_status}
