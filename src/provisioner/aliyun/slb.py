"""Classic Load Balancer (SLB), API 2014-05-15: reads and changes VServer groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from alibabacloud_slb20140515 import models
from alibabacloud_slb20140515.client import Client

from provisioner.errors import Fault, Rejected
from provisioner.model import ApiResponse, Backend, VServerGroup
from provisioner.ports import Clock, LoadBalancers

from .client import Connection, SdkClient, parse_date
from .error_mapping import Operation, Rule, busy_error, rejection, rules
from .locks import LoadBalancerLocks
from .retry import Retry
from .slb_parsing import encode_backend_servers, encode_identities, read_group, read_id, read_listed

LIST = Operation("DescribeVServerGroups", writes=False)
READ = Operation("DescribeVServerGroupAttribute", writes=False)
CREATE = Operation("CreateVServerGroup", writes=True)
ADD = Operation("AddVServerGroupBackendServers", writes=True)
REMOVE = Operation("RemoveVServerGroupBackendServers", writes=True)
SET = Operation("SetVServerGroupAttribute", writes=True)
DELETE = Operation("DeleteVServerGroup", writes=True)
_OF_A_GROUP = (ADD, REMOVE, SET, DELETE)  # the calls that change a group which is there

_NO_LOAD_BALANCER = rejection(
    Fault.NOT_FOUND, "no such load balancer; check LoadBalancerId and RegionId"
)
_NO_GROUP = rejection(Fault.NOT_FOUND, "the VServer group is gone")
_QUOTA = rejection(Fault.QUOTA, "a quota is used up; free some of it or ask for more")
_STATE = rejection(Fault.CONFLICT, "the load balancer or the group is in a state that forbids it")
_NETWORK = rejection(Fault.CONFLICT, "the load balancer's network does not support these servers")
_SERVER = rejection(Fault.INVALID, "a backend server is missing, not running, or does not fit")
_REQUEST = rejection(Fault.INVALID, "the load balancer refuses this request as invalid")

# Codes of the API's error tables (doc) and of peers (seen). A code that is not here is Retryable.
RULES = (
    # Nothing was done, and it passes. Most say: a previous configuration is pending, try again.
    *rules(
        busy_error,
        "ServiceIsConfiguring",
        "VServerGroupProcessing",
        "BackendServer.configuring",
        "OperationBusy",
        "ProcessingSameRequest",
        "OperationFailed.ServiceGroupProcessing",
        "ServiceIsStopping",
        "SystemBusy",
        "VpcSystemBusy",
        "LocationServiceTimeout",
        "ActionNotAllowed",  # seen: the load balancer is locked
        "LbStatusNotSupport",  # the load balancer is stopped; it can be started
    ),
    # A listener that was just deleted counts for a moment longer.
    Rule("RspoolVipExist", busy_error, operation=DELETE.name),
    # Something does not exist.
    *rules(_NO_LOAD_BALANCER, "InvalidLoadBalancerId.NotFound"),
    # With status 404, InvalidParameter says that the group of the call does not exist.
    *(Rule("InvalidParameter", _NO_GROUP, each.name, 404) for each in (READ, *_OF_A_GROUP)),
    *rules(_NO_GROUP, "*VServerGroup*.Not*"),
    # Quotas: of backends, of attachments of a server, of VServer groups.
    *rules(_QUOTA, "OverQuota", "*OverLimit", "*QuotaExceeded*"),
    # A state that does not pass by itself.
    *rules(
        _STATE,
        "Rspool*Exist",
        "IncorrectStatus.*",
        "VServerGroupEmpty",
        "VipNotMatchRspool",
        "MasterSlaveServerConflict",
        "OperationUnsupported.CreateVServerGroup",
        "TagCountLimit",
    ),
    *rules(
        _NETWORK,
        "OperationFailed.InvalidCen",
        "OperationFailed.Endpoint",
        "InvalidVbrId.NotInCen",
        "ResourceNotFound.Cen",
    ),
    # About single servers: a hook's call is halved (groups.bisect_rejected).
    *rules(
        _SERVER,
        "ObtainIpFail",
        "InvalidServerId.Not*",
        "InvalidBackendServers.*",
        "BackendServer.InvalidType",
        "BackendServer.ServerRegionIdNotEqual",
        "ResourceNotFound.vServers",
        "OperationDeny.LbNotSupportIPv6Server",
        "LBNotSupportIpv6Backend",
        "Mismatched.ZoneId",
        "NetworkConflict",
    ),
    # The request is wrong, whenever it is sent.
    Rule("InvalidParameter", _REQUEST, status=400),
    *rules(
        _REQUEST,
        "InvalidParameter.ServerRegionId",
        "InvalidParameter.ZoneNotSupport",
        "InvalidParameterLength",
        "InvalidParam.TagKey",
        "InvalidParam.TagValue",
        "MissingParam.TagKey",
        "MissingParameter",
        "MissingParameter.ServerRegionId",
        "MissingParameter.VbrId",
        "SizeLimitExceeded.Tag",
        "TooManyBackendServers",
        "BackendServersMalformed",
        "InvalidWeight.Malformed",
    ),
)


T = TypeVar("T")


class SlbLoadBalancers(LoadBalancers):
    def __init__(self, connection: Connection, clock: Clock, random: Random) -> None:
        self._api = SdkClient(Client, connection, RULES)
        self._clock = clock
        self._retry = Retry(clock, random)
        self._locks = LoadBalancerLocks()
        self._owners: dict[str, str] = {}  # VServerGroupId -> LoadBalancerId

    def list_vserver_groups(
        self, region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> ApiResponse[tuple[VServerGroup, ...]]:
        def read(body: Any) -> tuple[VServerGroup, ...]:
            listed = body.vserver_groups and body.vserver_groups.vserver_group
            return tuple([read_listed(item, region_id, load_balancer_id) for item in listed or ()])

        include = references or None  # None is left out, and then it is false
        request = models.DescribeVServerGroupsRequest(
            region_id=region_id,
            load_balancer_id=load_balancer_id,
            include_listener=include,
            include_rule=include,
        )
        call = partial(self._call, LIST, Client.describe_vserver_groups_with_options, request, read)
        answer = self._retry.until_answered(call, within=within)
        self._owners.update((group.id, load_balancer_id) for group in answer.value)
        return answer

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[VServerGroup | None]:
        def read(body: Any) -> VServerGroup | None:
            return read_group(body, region_id)

        request = models.DescribeVServerGroupAttributeRequest(
            region_id=region_id, vserver_group_id=vserver_group_id
        )
        call = partial(
            self._call, READ, Client.describe_vserver_group_attribute_with_options, request, read
        )
        try:
            answer = self._retry.until_answered(call, within=within)
        except Rejected as error:
            return _empty_if_gone(error)
        if answer.value:
            self._owners[vserver_group_id] = answer.value.load_balancer_id
        return answer

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> ApiResponse[str]:
        def read(body: Any) -> str:
            return read_id(body.vserver_group_id)

        request = models.CreateVServerGroupRequest(
            region_id=wanted.region_id,
            load_balancer_id=wanted.load_balancer_id,
            vserver_group_name=wanted.name,
            # Without BackendServers, the group is empty.
            backend_servers=encode_backend_servers(wanted.backends) if wanted.backends else None,
            tag=[models.CreateVServerGroupRequestTag(k, v) for k, v in wanted.tags.items()],
        )
        call = partial(self._call, CREATE, Client.create_vserver_group_with_options, request, read)
        answer = self._change(wanted.load_balancer_id, call, within)
        self._owners[answer.value] = wanted.load_balancer_id
        return answer

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        request = models.AddVServerGroupBackendServersRequest(
            region_id=region_id,
            vserver_group_id=vserver_group_id,
            backend_servers=encode_backend_servers(backends),
        )
        method = Client.add_vserver_group_backend_servers_with_options
        return self._change_with_retry(
            partial(self._call, ADD, method, request, _ignore_body), request, within
        )

    def remove_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        request = models.RemoveVServerGroupBackendServersRequest(
            region_id=region_id,
            vserver_group_id=vserver_group_id,
            backend_servers=encode_identities(backends),
        )
        method = Client.remove_vserver_group_backend_servers_with_options
        call = partial(self._call, REMOVE, method, request, _ignore_body)
        return self._change_with_retry(call, request, within)

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        # A Set without a Description keeps the one that the backend has.
        request = models.SetVServerGroupAttributeRequest(
            region_id=region_id,
            vserver_group_id=vserver_group_id,
            backend_servers=encode_identities(backends),
        )
        return self._set(request, within)

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> ApiResponse[None]:
        request = models.SetVServerGroupAttributeRequest(
            region_id=region_id, vserver_group_id=vserver_group_id, vserver_group_name=name
        )
        return self._set(request, within)

    def delete_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[None]:
        request = models.DeleteVServerGroupRequest(
            region_id=region_id, vserver_group_id=vserver_group_id
        )
        call = partial(
            self._call, DELETE, Client.delete_vserver_group_with_options, request, _ignore_body
        )
        owner = self._owner_of(vserver_group_id)
        try:
            answer = self._change(owner, call, within)
        except Rejected as error:
            answer = _empty_if_gone(error)
        self._owners.pop(vserver_group_id, None)
        return answer

    def _set(self, request: Any, within: float) -> ApiResponse[None]:
        call = partial(
            self._call, SET, Client.set_vserver_group_attribute_with_options, request, _ignore_body
        )
        owner = self._owner_of(request.vserver_group_id)
        return self._change(owner, call, within)

    def _change_with_retry(
        self, call: Callable[[float], ApiResponse[T]], request: Any, within: float
    ) -> ApiResponse[T]:
        """Make a change under the lock, and again where the cloud says that it did nothing."""
        change = partial(self._change, self._owner_of(request.vserver_group_id), call)
        return self._retry.until_answered(change, within=within)

    def _owner_of(self, vserver_group_id: str) -> str:
        return self._owners.get(vserver_group_id, vserver_group_id)

    def _change(
        self, load_balancer_id: str, call: Callable[[float], ApiResponse[T]], within: float
    ) -> ApiResponse[T]:
        """Make a change once, under the lock of its load balancer."""
        deadline = self._clock.now() + within
        release = self._locks.acquire(load_balancer_id, within=within)
        try:
            return self._retry.once(call, within=deadline - self._clock.now())
        finally:
            release()

    def _call(
        self,
        operation: Operation,
        method: Callable[[Any, Any, Any], Any],
        request: Any,
        read: Callable[[Any], T],
        within: float,
    ) -> ApiResponse[T]:
        sent_at = self._clock.now()

        def read_response(response: Any) -> ApiResponse[T]:
            body = response.body
            return ApiResponse(read(body), parse_date(response), body.request_id, sent_at)

        return self._api.call(operation, method, request, read_response, within)


def _ignore_body(_body: Any) -> None:
    return None


def _empty_if_gone(error: Rejected) -> ApiResponse[Any]:
    """Return an empty answer if the group is gone. The SDK drops the Date of an error, and 0.0 is
    a lower bound of any time. Raises any other error."""
    if error.fault is not Fault.NOT_FOUND:
        raise error
    return ApiResponse(None, 0.0, "")
