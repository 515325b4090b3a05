"""What the SLB API's error codes mean, operation by operation (API 2014-05-15)."""

from __future__ import annotations

from provisioner.core.errors import Fault

from .refusals import Operation, Rule, busy, rejected

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
