"""What every code of the APIs' error tables means, and that nothing else is taken for final.

`Meaning` is what a lifecycle hook makes of an error. A code that is missing here, or that has
another meaning than its row says, fails a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.aliyun import ess, mns, slb
from provisioner.aliyun.error_mapping import ApiError, Operation, Rule, classify
from provisioner.errors import ConfigurationError, Fault, ProvisionerError, Rejected, Retryable
from provisioner.groups.bisect_rejected import is_backend_error
from provisioner.model import DesiredGroup, OnExisting, VServerGroup

HOOKS_GROUP = DesiredGroup(
    VServerGroup("cn-hangzhou", "lb-0001", "web"), OnExisting.EXTEND, "mark", from_hook=True
)


class Meaning(Enum):
    FINAL = "the hook gets its failure result"
    QUOTA = "final, but a hook waits for room"
    SERVER = "about single servers: they are found by halving"
    GONE = "something does not exist"
    RETRYABLE = "tried again while the hook has time"
    DEPLOYMENT = "kept until the permission or the configuration is corrected"


FINAL, QUOTA, SERVER, GONE, RETRYABLE, DEPLOYMENT = Meaning

SLB_WRITES = (slb.CREATE, slb.ADD, slb.REMOVE, slb.SET, slb.DELETE)
SLB_READS = (slb.LIST, slb.READ)
GATEWAY = {
    (400, "Throttling"): RETRYABLE,
    (400, "Throttling.User"): RETRYABLE,
    (400, "Rejected.Throttling"): RETRYABLE,
    (429, "TooManyRequests"): RETRYABLE,
    (400, "TooManyRequests"): RETRYABLE,
    (400, "OperationConflict"): RETRYABLE,
    (400, "SignatureNonceUsed"): RETRYABLE,
    (503, "ServiceUnavailable"): RETRYABLE,
    (500, "InternalError"): RETRYABLE,
    (403, "Forbidden"): DEPLOYMENT,
    (403, "Forbidden.RAM"): DEPLOYMENT,
    (403, "Forbbiden.SubUser"): DEPLOYMENT,
    (403, "AUTH.RAM_AUTH_FAILED"): DEPLOYMENT,
    (400, "AUTH.RAM_AUTH_FAILED"): DEPLOYMENT,
    (403, "UnauthorizedRegion"): DEPLOYMENT,
    (403, "InvalidAction"): DEPLOYMENT,
    (400, "InvalidAccessKeyId.NotFound"): DEPLOYMENT,
    (400, "InvalidSecurityToken.Expired"): DEPLOYMENT,
    (403, "SignatureDoesNotMatch"): DEPLOYMENT,
    (400, "IncompleteSignature"): DEPLOYMENT,
    (400, "IllegalTimestamp"): DEPLOYMENT,
    (400, "InvalidTimeStamp.Expired"): DEPLOYMENT,
    (404, "InvalidRegionId.NotFound"): DEPLOYMENT,
}
SLB = {
    (400, "ServiceIsConfiguring"): RETRYABLE,
    (400, "VServerGroupProcessing"): RETRYABLE,
    (409, "BackendServer.configuring"): RETRYABLE,
    (400, "OperationBusy"): RETRYABLE,
    (400, "ProcessingSameRequest"): RETRYABLE,
    (400, "OperationFailed.ServiceGroupProcessing"): RETRYABLE,
    (409, "ServiceIsStopping"): RETRYABLE,
    (400, "ServiceIsStopping"): RETRYABLE,
    (449, "SystemBusy"): RETRYABLE,
    (400, "SystemBusy"): RETRYABLE,
    (400, "VpcSystemBusy"): RETRYABLE,
    (400, "LocationServiceTimeout"): RETRYABLE,
    (400, "ActionNotAllowed"): RETRYABLE,
    (400, "LbStatusNotSupport"): RETRYABLE,
    (503, "InvalidParameter"): RETRYABLE,
    (404, "InvalidLoadBalancerId.NotFound"): GONE,
    (400, "InvalidLoadBalancerId.NotFound"): GONE,
    (400, "OverQuota"): QUOTA,
    (400, "InstanceBackendServerNumberOverLimit"): QUOTA,
    (400, "QuotaExceeded.VServerGroup"): QUOTA,
    (400, "ObtainIpFail"): SERVER,
    (404, "InvalidServerId.NotFound"): SERVER,
    (400, "InvalidServerId.NotFound"): SERVER,
    (400, "InvalidServerId.NotExist"): SERVER,
    (400, "InvalidBackendServers.ServerIpConflict"): SERVER,
    (400, "InvalidBackendServers.MissingCenBandWidth"): SERVER,
    (400, "InvalidBackendServers.VpcNotInCen"): SERVER,
    (400, "InvalidBackendServers.Inconsistent"): SERVER,
    (400, "BackendServer.InvalidType"): SERVER,
    (400, "BackendServer.ServerRegionIdNotEqual"): SERVER,
    (404, "ResourceNotFound.vServers"): SERVER,
    (400, "OperationDeny.LbNotSupportIPv6Server"): SERVER,
    (400, "LBNotSupportIpv6Backend"): SERVER,
    (400, "Mismatched.ZoneId"): SERVER,
    (400, "NetworkConflict"): SERVER,
    (400, "RspoolRuleExist"): FINAL,
    (400, "IncorrectStatus.RSByPassToas"): FINAL,
    (400, "IncorrectStatus.CenNotAssociated"): FINAL,
    (400, "VServerGroupEmpty"): FINAL,
    (400, "VipNotMatchRspool"): FINAL,
    (400, "MasterSlaveServerConflict"): FINAL,
    (400, "OperationUnsupported.CreateVServerGroup"): FINAL,
    (400, "OperationFailed.InvalidCen"): FINAL,
    (400, "OperationFailed.Endpoint"): FINAL,
    (400, "InvalidVbrId.NotInCen"): FINAL,
    (404, "ResourceNotFound.Cen"): FINAL,
    (400, "InvalidParameter"): FINAL,
    (400, "InvalidParameter.ServerRegionId"): FINAL,
    (400, "InvalidParameter.ZoneNotSupport"): FINAL,
    (400, "InvalidParameterLength"): FINAL,
    (400, "InvalidParam.TagKey"): FINAL,
    (400, "InvalidParam.TagValue"): FINAL,
    (400, "MissingParam.TagKey"): FINAL,
    (400, "MissingParameter"): FINAL,
    (400, "MissingParameter.ServerRegionId"): FINAL,
    (400, "MissingParameter.VbrId"): FINAL,
    (400, "SizeLimitExceeded.Tag"): FINAL,
    (400, "TagCountLimit"): FINAL,
    (400, "TooManyBackendServers"): FINAL,
    (400, "BackendServersMalformed"): FINAL,
    (400, "InvalidWeight.Malformed"): FINAL,
}
OF_ONE_OPERATION = {
    (slb.READ, 404, "InvalidParameter"): GONE,
    (slb.ADD, 404, "InvalidParameter"): GONE,
    (slb.REMOVE, 404, "InvalidParameter"): GONE,
    (slb.SET, 404, "InvalidParameter"): GONE,
    (slb.DELETE, 404, "InvalidParameter"): GONE,
    (slb.LIST, 404, "InvalidParameter"): RETRYABLE,
    (slb.CREATE, 404, "InvalidParameter"): RETRYABLE,
    (slb.DELETE, 400, "RspoolVipExist"): RETRYABLE,
    (slb.SET, 400, "RspoolVipExist"): FINAL,
}
COMPLETE = Operation("CompleteLifecycleAction", writes=True)
HEARTBEAT = Operation("RecordLifecycleActionHeartbeat", writes=True)
ESS_READS = tuple(
    Operation(name, writes=False)
    for name in (
        "DescribeLifecycleActions",
        "DescribeLifecycleHooks",
        "DescribeScalingActivities",
        "DescribeScalingInstances",
    )
)
ESS = {
    (COMPLETE, 400, "LifecycleHookIdAndLifecycleActionToken.Invalid"): FINAL,
    (HEARTBEAT, 400, "LifecycleHookIdAndLifecycleActionToken.Invalid"): FINAL,
    (HEARTBEAT, 400, "LifecycleAction.TimeExceeded"): FINAL,
    (HEARTBEAT, 400, "LifecycleAction.RecordTimesExceeded"): FINAL,
    (HEARTBEAT, 400, "InvalidParamter"): FINAL,
    (COMPLETE, 400, "InvalidParamter"): RETRYABLE,
    (COMPLETE, 400, "MissingParameter"): RETRYABLE,
    **{(each, 404, "InvalidScalingGroupId.NotFound"): GONE for each in ESS_READS},
    **{(each, 400, "InvalidParameter"): RETRYABLE for each in ESS_READS},
}
PUBLISH, SEND = Operation("PublishMessage", writes=False), Operation("SendMessage", writes=False)
MNS = {
    "InvalidArgument": FINAL,
    "MalformedXML": FINAL,
    "TooManyRequests": RETRYABLE,
    "QpsLimitExceeded": RETRYABLE,
    "InternalError": RETRYABLE,
    "InternalServerError": RETRYABLE,
    "InvalidDegist": RETRYABLE,
    "InvalidDigest": RETRYABLE,
    "InvalidDateHeader": RETRYABLE,
    "MissingDateHeader": RETRYABLE,
    "InvalidAuthorizationHeader": RETRYABLE,
    "MissingAuthorizationHeader": RETRYABLE,
    "InvalidRequestURL": DEPLOYMENT,
    "InvalidQueryString": DEPLOYMENT,
    "AccessDenied": DEPLOYMENT,
    "InvalidAccessKeyId": DEPLOYMENT,
    "SignatureDoesNotMatch": DEPLOYMENT,
    "TimeExpired": DEPLOYMENT,
    "QueueNotExist": DEPLOYMENT,
    "TopicNotExist": DEPLOYMENT,
}
SERVICES: dict[str, tuple[tuple[Operation, ...], Iterable[Rule]]] = {
    "slb": ((*SLB_WRITES, *SLB_READS), slb.RULES),
    "ess": ((COMPLETE, HEARTBEAT, *ESS_READS), ess.RULES),
    "mns": ((PUBLISH, SEND), mns.RULES),
}


def find_meaning(error: ProvisionerError) -> Meaning:
    if isinstance(error, ConfigurationError):
        return DEPLOYMENT
    if isinstance(error, Retryable):
        return RETRYABLE
    assert isinstance(error, Rejected)
    if error.fault is Fault.NOT_FOUND:
        return GONE
    if error.fault is Fault.QUOTA:
        return QUOTA
    return SERVER if is_backend_error(error, HOOKS_GROUP) else FINAL


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateways_codes_mean_the_same_for_every_call(service: str) -> None:
    operations, rules = SERVICES[service]
    for operation in operations:
        for (status, code), meaning in GATEWAY.items():
            error = classify(ApiError(operation, status, code), rules)
            assert find_meaning(error) is meaning, (operation.name, code)


@pytest.mark.parametrize("operation", SLB_WRITES, ids=lambda each: each.name)
def test_every_code_of_the_load_balancer_means_what_its_table_says(operation: Operation) -> None:
    for (status, code), meaning in SLB.items():
        error = classify(ApiError(operation, status, code), slb.RULES)
        assert find_meaning(error) is meaning, code


@pytest.mark.parametrize("operation", SLB_READS, ids=lambda each: each.name)
def test_a_read_that_fails_proves_nothing_unless_something_does_not_exist(
    operation: Operation,
) -> None:
    for (status, code), meaning in SLB.items():
        error = classify(ApiError(operation, status, code), slb.RULES)
        assert find_meaning(error) is (GONE if meaning is GONE else RETRYABLE), code


def test_codes_that_depend_on_the_call_mean_what_the_table_says() -> None:
    for (operation, status, code), meaning in OF_ONE_OPERATION.items():
        error = classify(ApiError(operation, status, code), slb.RULES)
        assert find_meaning(error) is meaning, (operation.name, code)


def test_every_code_of_auto_scaling_means_what_its_table_says() -> None:
    for (operation, status, code), meaning in ESS.items():
        error = classify(ApiError(operation, status, code), ess.RULES)
        assert find_meaning(error) is meaning, (operation.name, code)


@pytest.mark.parametrize("operation", [PUBLISH, SEND], ids=lambda each: each.name)
def test_every_code_of_the_queue_service_means_what_its_table_says(operation: Operation) -> None:
    for code, meaning in MNS.items():
        error = classify(ApiError(operation, 0, code), mns.RULES)
        assert find_meaning(error) is meaning, code


@pytest.mark.parametrize("status", [408, 409, 423, 429, 449, 500, 502, 503, 504])
@pytest.mark.parametrize("service", SERVICES)
def test_with_a_status_that_passes_no_code_is_final(service: str, status: int) -> None:
    operations, rules = SERVICES[service]
    codes = {code for _, code in (*SLB, *GATEWAY)} | {code for _, _, code in ESS} | set(MNS)
    for operation in operations:
        for code in codes:
            error = classify(ApiError(operation, status, code), rules)
            assert isinstance(error, Retryable), (operation.name, code)


@pytest.mark.parametrize("service", SERVICES)
@given(code=st.text("ABCabc.-", min_size=1), status=st.integers(400, 599))
def test_a_code_that_no_table_names_is_never_final(service: str, code: str, status: int) -> None:
    operations, rules = SERVICES[service]
    for operation in operations:
        assert isinstance(classify(ApiError(operation, status, code), rules), Retryable)


def test_every_final_rule_is_in_the_table() -> None:
    """A rule that this table does not show is one that nobody gave a reason for."""
    shown = {(400, code) for _, code in SLB} | {(404, code) for _, code in SLB}
    for rule in slb.RULES:
        operation = Operation(rule.operation.replace("*", "AddVServerGroupBackendServers"), True)
        status = rule.status or 400
        covered = [c for _, c in shown if rule.matches(ApiError(operation, status, c))]
        covered += [
            code
            for each, _, code in OF_ONE_OPERATION
            if rule.matches(ApiError(each, rule.status or 400, code))
        ]
        if "VServerGroup*.Not" not in rule.code:
            assert covered, rule.code
