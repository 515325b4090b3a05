"""What localcloud covers of Server Load Balancer (SLB): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

_LISTENER = (
    "port, VServer group and health check only; `ListenerAlreadyExists`, where a port takes one "
    "listener over TCP and one over UDP; a group of another load balancer is not found"
)
_DESCRIBED = "Status, VServer group and HealthCheck only; `ListenerNotFound` if it is not there"

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
        "DescribeLoadBalancers": Covered(DOCUMENTED, "filters by id, name, VPC and status"),
        "DescribeLoadBalancerAttribute": Covered(
            DOCUMENTED, "the default server group is always empty"
        ),
        "DeleteLoadBalancer": Covered(DOCUMENTED, "with its groups, listeners and rules"),
        "SetLoadBalancerStatus": Covered(DOCUMENTED, "`InvalidParameter` for another status"),
        "CreateLoadBalancerTCPListener": Covered(DOCUMENTED, _LISTENER),
        "CreateLoadBalancerUDPListener": Covered(DOCUMENTED, _LISTENER),
        "CreateLoadBalancerHTTPListener": Covered(DOCUMENTED, _LISTENER),
        "DescribeLoadBalancerTCPListenerAttribute": Covered(DOCUMENTED, _DESCRIBED),
        "DescribeLoadBalancerUDPListenerAttribute": Covered(DOCUMENTED, _DESCRIBED),
        "DescribeLoadBalancerHTTPListenerAttribute": Covered(DOCUMENTED, _DESCRIBED),
        "StartLoadBalancerListener": Covered(
            DOCUMENTED, "at once; `ListenerNotFound` if it is not there"
        ),
        "StopLoadBalancerListener": Covered(
            DOCUMENTED, "at once; `ListenerNotFound` if it is not there"
        ),
        "DescribeHealthStatus": Covered(
            DOCUMENTED,
            "backends of the listener's group and of its rules' groups; a stopped listener, and "
            "one without health check, knows all as `unavailable`; `ListenerNotFound`",
        ),
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
            "InvalidBackendServers.ServerIpConflict",
            "InvalidServerId.NotExist",
            "ObtainIpFail",
            "OverQuota",
            "ResourceNotFound.vServers",
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
            "ActionNotAllowed",
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
            "OverQuota",
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
        "DescribeHealthStatus": (
            "InvalidLoadBalancerId.NotFound",
            "ListenerNotFound",
            "TooManyListeners",
        ),
        "DescribeLoadBalancerAttribute": ("InvalidLoadBalancerId.NotFound",),
        "DescribeLoadBalancerTCPListenerAttribute": ("ListenerNotFound",),
        "DescribeVServerGroupAttribute": ("InvalidParameter",),
        "DescribeVServerGroups": ("MissingParameter",),
        "ModifyVServerGroupBackendServers": ("InvalidParameter",),
        "RemoveVServerGroupBackendServers": (
            "InvalidParameter",
            "LbStatusNotSupport",
            "ObtainIpFail",
            "VServerGroupProcessing",
        ),
        "SetLoadBalancerStatus": (
            "ActionNotAllowed",
            "InvalidParameter",
        ),
        "SetVServerGroupAttribute": (
            "BackendServer.configuring",
            "InvalidParameter",
            "ObtainIpFail",
            "VServerGroupProcessing",
        ),
        "StartLoadBalancerListener": ("ListenerNotFound",),
        "StopLoadBalancerListener": ("ListenerNotFound",),
    },
    behaviours={
        "A server that was released, or that does not run, is `ObtainIpFail` to Create, Add and "
        "Modify": DOCUMENTED,
        "With `DownServerSeconds`, Remove and Set that name such a server are refused whole, for "
        "so long after it went down; the cloud was seen to do so for minutes": INFERRED,
        "Without `StrictInstances`, servers that this world does not know count as running": (
            EMULATOR_ONLY
        ),
        "With `StrictInstances` they are `InvalidServerId.NotExist`": INFERRED,
        "An ENI that is not there, or the id of an instance with `Type: eni`, is "
        "`ResourceNotFound.vServers` (404)": DOCUMENTED,
        "The id of an ENI or a container group with another Type is `InvalidServerId.NotExist`": (
            INFERRED
        ),
        "An address and port that another ENI or ECI of the group still has is "
        "`InvalidBackendServers.ServerIpConflict`, also where that container group is gone": (
            INFERRED
        ),
        "200 backends of a load balancer, 50 attachments of a server": DOCUMENTED,
        "Their codes: `InstanceBackendServerNumberOverLimit` and `OverQuota`": INFERRED,
        "The quota of VServer groups (`VServerGroupQuota` of a load balancer or of the settings; "
        "without either: none) counts every group; its code is `OverQuota`": INFERRED,
        "A locked load balancer refuses every change of it, its groups, listeners and rules with "
        "`ActionNotAllowed`": INFERRED,
        "An inactive load balancer refuses Remove with `LbStatusNotSupport`": DOCUMENTED,
        "An inactive load balancer takes all other changes": INFERRED,
        "A new listener is `stopped`": DOCUMENTED,
        "RegionId is optional in DescribeLoadBalancerAttribute, DescribeHealthStatus, "
        "DeleteLoadBalancer, SetLoadBalancerStatus and the actions of listeners": DOCUMENTED,
        "A new backend is `unavailable` until its first check is over (`HealthCheckSeconds`), then "
        "`normal`; a server that is down is `abnormal`": DOCUMENTED,
        "`POST /_cloud/backend-health` sets what health checks find": EMULATOR_ONLY,
        "With `ReadLag`, DescribeVServerGroups, DescribeVServerGroupAttribute and "
        "DescribeHealthStatus do not see the latest changes of groups; load balancers, listeners "
        "and rules do not lag": INFERRED,
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
        "listeners and rules beyond those that VServer groups need; HTTPS listeners",
        "`TagResources`, `UntagResources`: a group's tags are those of its creation",
        "throttling by rate other than that of CreateVServerGroup",
    ),
)
