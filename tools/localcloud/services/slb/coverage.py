"""What localcloud covers of Server Load Balancer (SLB): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

_LISTENER = (
    "port and VServer group only; runs at once; `ListenerAlreadyExists`; a group of another load "
    "balancer is not found"
)
_RUNNING = "always `running`; `ListenerNotFound` if it is not there"

COVERAGE = Coverage(
    actions={
        "CreateVServerGroup": Covered(
            DOCUMENTED,
            (
                "a group without a name is called by its id; a backend named twice counts once; a"
                " Python list that an SDK flattened (`BackendServers.1.ServerId`) is refused as "
                "malformed"
            ),
        ),
        "AddVServerGroupBackendServers": Covered(
            DOCUMENTED, "a backend that is there already stays as it is"
        ),
        "RemoveVServerGroupBackendServers": Covered(),
        "ModifyVServerGroupBackendServers": Covered(),
        "SetVServerGroupAttribute": Covered(
            DOCUMENTED,
            "refuses a backend that the group does not hold; a weight that is not stated stays",
        ),
        "DeleteVServerGroup": Covered(),
        "DescribeVServerGroups": Covered(
            DOCUMENTED,
            (
                "`Description` matches any part of the name; several tags must all match; no "
                "`ServerCount`"
            ),
        ),
        "DescribeVServerGroupAttribute": Covered(),
        "CreateLoadBalancer": Covered(
            DOCUMENTED, "of the parameters only region, name, network and ClientToken count"
        ),
        "DescribeLoadBalancers": Covered(
            DOCUMENTED, "filters by id, name and VPC; a load balancer is always `active`"
        ),
        "DescribeLoadBalancerAttribute": Covered(
            DOCUMENTED, "the default server group is always empty"
        ),
        "DeleteLoadBalancer": Covered(DOCUMENTED, "with its groups, listeners and rules"),
        "CreateLoadBalancerTCPListener": Covered(DOCUMENTED, _LISTENER),
        "CreateLoadBalancerHTTPListener": Covered(DOCUMENTED, _LISTENER),
        "DescribeLoadBalancerTCPListenerAttribute": Covered(DOCUMENTED, _RUNNING),
        "DescribeLoadBalancerHTTPListenerAttribute": Covered(DOCUMENTED, _RUNNING),
        "DeleteLoadBalancerListener": Covered(
            DOCUMENTED, "with its rules; `ListenerNotFound` if it is not there"
        ),
        "CreateRules": Covered(
            DOCUMENTED, "HTTP listeners only; `InvalidParameter` for a bad list"
        ),
        "DescribeRules": Covered(DOCUMENTED, "`ListenerNotFound` if the listener is not there"),
        "DeleteRules": Covered(
            DOCUMENTED, "all or none; `InvalidRuleId.NotFound` if one is not there"
        ),
    },
    codes={
        "AddVServerGroupBackendServers": (
            "BackendServersMalformed",
            "InstanceBackendServerNumberOverLimit",
            "InvalidParameter",
            "InvalidServerId.NotExist",
            "ObtainIpFail",
            "OverQuota",
        ),
        "CreateLoadBalancer": (
            "InvalidRegionId.NotFound",
            "MissingParameter",
        ),
        "CreateLoadBalancerTCPListener": (
            "InvalidLoadBalancerId.NotFound",
            "InvalidParameter",
            "ListenerAlreadyExists",
            "MissingParameter",
        ),
        "CreateRules": ("InvalidParameter",),
        "CreateVServerGroup": (
            "BackendServer.InvalidType",
            "BackendServer.configuring",
            "BackendServersMalformed",
            "InvalidLoadBalancerId.NotFound",
            "InvalidParam.TagKey",
            "InvalidParam.TagValue",
            "InvalidParameter",
            "InvalidParameterLength",
            "InvalidRegionId.NotFound",
            "InvalidServerId.NotExist",
            "InvalidWeight.Malformed",
            "MissingParam.TagKey",
            "MissingParameter",
            "SizeLimitExceeded.Tag",
            "Throttling.User",
            "TooManyBackendServers",
        ),
        "DeleteLoadBalancer": ("InvalidLoadBalancerId.NotFound",),
        "DeleteLoadBalancerListener": ("ListenerNotFound",),
        "DeleteRules": ("InvalidRuleId.NotFound",),
        "DeleteVServerGroup": (
            "BackendServer.configuring",
            "InvalidParameter",
            "RspoolRuleExist",
            "RspoolVipExist",
            "VServerGroupProcessing",
        ),
        "DescribeLoadBalancerAttribute": ("InvalidLoadBalancerId.NotFound",),
        "DescribeLoadBalancerTCPListenerAttribute": ("ListenerNotFound",),
        "DescribeVServerGroupAttribute": ("InvalidParameter",),
        "DescribeVServerGroups": ("MissingParameter",),
        "ModifyVServerGroupBackendServers": ("InvalidParameter",),
        "RemoveVServerGroupBackendServers": (
            "InvalidParameter",
            "VServerGroupProcessing",
        ),
        "SetVServerGroupAttribute": (
            "BackendServer.configuring",
            "InvalidParameter",
            "VServerGroupProcessing",
        ),
    },
    behaviours={
        "A server that was released, or that does not run, is `ObtainIpFail`": DOCUMENTED,
        "Without `StrictInstances`, servers that nobody mentioned count as running": EMULATOR_ONLY,
        "With `StrictInstances` they are `InvalidServerId.NotExist`": INFERRED,
        "`StrictInstances` does not look at ENI and ECI backends": INFERRED,
        "200 backends of a load balancer, 50 attachments of a server": DOCUMENTED,
        "Their codes: `InstanceBackendServerNumberOverLimit` and `OverQuota`": INFERRED,
        (
            "With `ProcessingSeconds`, a change too soon after another is `VServerGroupProcessing` "
            "(same group) or `BackendServer.configuring` (same load balancer)"
        ): INFERRED,
        "With `CreateRateLimit`, 90 CreateVServerGroup calls in 60 s": DOCUMENTED,
        "The next one is `Throttling.User`; refused calls count too": INFERRED,
        "A load balancer of another region is `InvalidLoadBalancerId.NotFound`": INFERRED,
        "The codes of bad names (`InvalidParameterLength`, `InvalidParameter`)": INFERRED,
    },
    missing=(
        "listeners and rules beyond those that VServer groups need; UDP and HTTPS listeners",
        "`TagResources`, `UntagResources`: a group's tags are those of its creation",
        "throttling by rate other than that of CreateVServerGroup",
    ),
)
