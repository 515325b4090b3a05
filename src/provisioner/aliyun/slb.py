"""What the SLB API's error codes mean, operation by operation (API 2014-05-15).

Classic Load Balancer, API 2014-05-15, by `alibabacloud-slb20140515`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from alibabacloud_slb20140515 import models
from alibabacloud_slb20140515.client import Client

from provisioner.errors import Fault, Rejected
from provisioner.model import Backend, VServerGroup
from provisioner.ports import Answer, Clock, LoadBalancers

from .client import Api, Connection, date_of
from .error_mapping import Operation, Rule, busy, rejected
from .locks import Turns
from .retry import Retry
from .slb_parsing import backend_servers, identities, read_group, read_id, read_listed

LIST = Operation("DescribeVServerGroups", writes=False)
READ = Operation("DescribeVServerGroupAttribute", writes=False)
CREATE = Operation("CreateVServerGroup", writes=True)
ADD = Operation("AddVServerGroupBackendServers", writes=True)
REMOVE = Operation("RemoveVServerGroupBackendServers", writes=True)
SET = Operation("SetVServerGroupAttribute", writes=True)
DELETE = Operation("DeleteVServerGroup", writes=True)

_NO_LOAD_BALANCER = rejected(
    Fault.NOT_FOUND, "no such load balancer; check LoadBalancerId and RegionId"
)
_NO_GROUP = rejected(Fault.NOT_FOUND, "the VServer group is gone")
_QUOTA = rejected(Fault.CONFLICT, "a quota is used up; free some of it or ask for more")
_STATE = rejected(Fault.CONFLICT, "the load balancer or the group is in a state that forbids it")
_NO_ADDRESS = rejected(Fault.INVALID, "a backend server is missing or not running yet")

RULES = (
    # "A previous configuration is pending; please try again later", in its many spellings.
    Rule("ServiceIsConfiguring", busy),
    Rule("VServerGroupProcessing", busy),
    Rule("BackendServer.configuring", busy),
    Rule("OperationBusy", busy),
    Rule("ProcessingSameRequest", busy),
    Rule("OperationFailed.ServiceGroupProcessing", busy),
    Rule("ServiceIsStopping", busy),
    Rule("SystemBusy", busy),
    Rule("VpcSystemBusy", busy),
    Rule("LocationServiceTimeout", busy),
    # A listener that was just deleted still counts for a moment.
    Rule("RspoolVipExist", busy, operation=DELETE.name),
    Rule("InvalidLoadBalancerId.NotFound", _NO_LOAD_BALANCER),
    # InvalidParameter says "does not exist" with 404 and anything else with 400.
    Rule("InvalidParameter", _NO_GROUP, status=404),
    Rule("*VServerGroup*.Not*", _NO_GROUP),
    Rule("OverQuota", _QUOTA),
    Rule("*OverLimit", _QUOTA),
    Rule("*QuotaExceeded*", _QUOTA),
    Rule("TagCountLimit", _QUOTA),
    Rule("Rspool*Exist", _STATE),
    Rule("IncorrectStatus*", _STATE),
    Rule("LbStatusNotSupport", _STATE),
    Rule("ObtainIpFail", _NO_ADDRESS),
)


T = TypeVar("T")


class SlbLoadBalancers(LoadBalancers):
    def __init__(self, connection: Connection, clock: Clock, random: Random) -> None:
        self._api = Api(Client, connection, RULES)
        self._clock = clock
        self._retry = Retry(clock, random)
        self._turns = Turns()
        self._owners: dict[str, str] = {}  # VServerGroupId -> LoadBalancerId

    def list_vserver_groups(
        self, region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> Answer[tuple[VServerGroup, ...]]:
        def read(body: Any) -> tuple[VServerGroup, ...]:
            listed = body.vserver_groups and body.vserver_groups.vserver_group
            return tuple([read_listed(item, region_id, load_balancer_id) for item in listed or ()])

        asked = references or None  # left out, it is false
        request = models.DescribeVServerGroupsRequest(
            region_id=region_id,
            load_balancer_id=load_balancer_id,
            include_listener=asked,
            include_rule=asked,
        )
        call = partial(self._call, LIST, Client.describe_vserver_groups_with_options, request, read)
        answer = self._retry.until_answered(call, within=within)
        self._owners.update((group.id, load_balancer_id) for group in answer.value)
        return answer

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> Answer[VServerGroup | None]:
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
            return _if_gone(error)
        if answer.value:
            self._owners[vserver_group_id] = answer.value.load_balancer_id
        return answer

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> Answer[str]:
        def read(body: Any) -> str:
            return read_id(body.vserver_group_id)

        request = models.CreateVServerGroupRequest(
            region_id=wanted.region_id,
            load_balancer_id=wanted.load_balancer_id,
            vserver_group_name=wanted.name,
            # Left out, the group is empty.
            backend_servers=backend_servers(wanted.backends) if wanted.backends else None,
            tag=[models.CreateVServerGroupRequestTag(k, v) for k, v in wanted.tags.items()],
        )
        call = partial(self._call, CREATE, Client.create_vserver_group_with_options, request, read)
        answer = self._change(wanted.load_balancer_id, call, within)
        self._owners[answer.value] = wanted.load_balancer_id
        return answer

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> Answer[None]:
        request = models.AddVServerGroupBackendServersRequest(
            region_id=region_id,
            vserver_group_id=vserver_group_id,
            backend_servers=backend_servers(backends),
        )
        method = Client.add_vserver_group_backend_servers_with_options
        return self._change_again(
            partial(self._call, ADD, method, request, _nothing), request, within
        )

    def remove_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> Answer[None]:
        request = models.RemoveVServerGroupBackendServersRequest(
            region_id=region_id,
            vserver_group_id=vserver_group_id,
            backend_servers=identities(backends),
        )
        method = Client.remove_vserver_group_backend_servers_with_options
        call = partial(self._call, REMOVE, method, request, _nothing)
        return self._change_again(call, request, within)

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> Answer[None]:
        # What a Set leaves out stays as it is: a backend's Description is not ours to change.
        request = models.SetVServerGroupAttributeRequest(
            region_id=region_id,
            vserver_group_id=vserver_group_id,
            backend_servers=identities(backends),
        )
        return self._set(request, within)

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> Answer[None]:
        request = models.SetVServerGroupAttributeRequest(
            region_id=region_id, vserver_group_id=vserver_group_id, vserver_group_name=name
        )
        return self._set(request, within)

    def delete_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> Answer[None]:
        request = models.DeleteVServerGroupRequest(
            region_id=region_id, vserver_group_id=vserver_group_id
        )
        call = partial(
            self._call, DELETE, Client.delete_vserver_group_with_options, request, _nothing
        )
        owner = self._owner(vserver_group_id)
        try:
            answer = self._change(owner, call, within)
        except Rejected as error:
            answer = _if_gone(error)
        self._owners.pop(vserver_group_id, None)
        return answer

    def _set(self, request: Any, within: float) -> Answer[None]:
        call = partial(
            self._call, SET, Client.set_vserver_group_attribute_with_options, request, _nothing
        )
        owner = self._owner(request.vserver_group_id)
        return self._change(owner, call, within)

    def _change_again(
        self, call: Callable[[float], Answer[T]], request: Any, within: float
    ) -> Answer[T]:
        """Sent in turn, and sent again where the cloud says that it did nothing."""
        change = partial(self._change, self._owner(request.vserver_group_id), call)
        return self._retry.until_answered(change, within=within)

    def _owner(self, vserver_group_id: str) -> str:
        return self._owners.get(vserver_group_id, vserver_group_id)

    def _change(
        self, load_balancer_id: str, call: Callable[[float], Answer[T]], within: float
    ) -> Answer[T]:
        """Sent once, when it is this load balancer's turn."""
        deadline = self._clock.now() + within
        end_turn = self._turns.taken(load_balancer_id, within=within)
        try:
            return self._retry.once(call, within=deadline - self._clock.now())
        finally:
            end_turn()

    def _call(
        self,
        operation: Operation,
        method: Callable[[Any, Any, Any], Any],
        request: Any,
        read: Callable[[Any], T],
        within: float,
    ) -> Answer[T]:
        sent_at = self._clock.now()

        def answer(response: Any) -> Answer[T]:
            body = response.body
            return Answer(read(body), date_of(response), body.request_id, sent_at)

        return self._api.call(operation, method, request, answer, within)


def _nothing(_body: Any) -> None:
    return None


def _if_gone(error: Rejected) -> Answer[Any]:
    """An error answer's Date is lost in the SDK; 0 is a lower bound of any time."""
    if error.fault is not Fault.NOT_FOUND:
        raise error
    return Answer(None, 0.0, "")
