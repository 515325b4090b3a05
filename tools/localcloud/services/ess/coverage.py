"""What localcloud covers of Auto Scaling (ESS): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "ScaleWithAdjustment": Covered(
            DOCUMENTED,
            (
                "the oldest instances go; percentages are rounded; MinSize and MaxSize cut an "
                "adjustment short; the same ClientToken is the same activity; PlanOnly and "
                "LifecycleHookResult answer 501"
            ),
        ),
        "ExecuteScalingRule": Covered(
            DOCUMENTED,
            (
                "simple rules of a seed, without cooldown; `InvalidScalingRuleAri.NotFound` (400) "
                "for an unknown one"
            ),
        ),
        "CreateLifecycleHook": Covered(
            DOCUMENTED,
            (
                "an ARN of another region or account is `InvalidNotificationArn`; OOS templates "
                "answer 501"
            ),
        ),
        "ModifyLifecycleHook": Covered(DOCUMENTED, "the codes are those of CreateLifecycleHook"),
        "DeleteLifecycleHook": Covered(
            DOCUMENTED,
            (
                "a wait for it ends as `Completed` with its DefaultResult; "
                "`InvalidLifecycleHookId.NotExist` if it is not there"
            ),
        ),
        "CompleteLifecycleAction": Covered(
            DOCUMENTED,
            (
                "a second completion is refused even with the same ClientToken; an activity that "
                "was called off is `Failed`"
            ),
        ),
        "RecordLifecycleActionHeartbeat": Covered(
            DOCUMENTED, "counts from now; both spellings of the parameters"
        ),
        "CreateNotificationConfiguration": Covered(
            DOCUMENTED,
            "`InvalidNotificationArn.Duplicate` for a second one of the same target; "
            "`QuotaExceeded.NotificationConfiguration`; the other codes are those of hooks",
        ),
        "ModifyNotificationConfiguration": Covered(
            DOCUMENTED, "`InvalidNotificationArn.NotFound` if it is not there"
        ),
        "DeleteNotificationConfiguration": Covered(
            DOCUMENTED, "`InvalidNotificationArn.NotFound` if it is not there"
        ),
        "DescribeNotificationConfigurations": Covered(),
        "DescribeNotificationTypes": Covered(),
        "DescribeLifecycleActions": Covered(),
        "DescribeLifecycleHooks": Covered(),
        "DescribeScalingActivities": Covered(DOCUMENTED, "newest first"),
        "DescribeScalingInstances": Covered(),
        "DescribeScalingGroups": Covered(
            DOCUMENTED, "`VServerGroups` and `SuspendedProcesses` are always empty"
        ),
    },
    codes={
        "CompleteLifecycleAction": (
            "InvalidParameter",
            "InvalidParamter",
            "LifecycleHookIdAndLifecycleActionToken.Invalid",
        ),
        "CreateLifecycleHook": (
            "InvalidLifecycleHookName.Duplicate",
            "InvalidNotificationArn",
            "InvalidParamter",
            "InvalidScalingGroupId.NotFound",
            "MissingParameter",
            "QueueNotExist",
            "QuotaExceeded.LifecycleHook",
            "TopicNotExist",
        ),
        "CreateNotificationConfiguration": (
            "InvalidNotificationArn",
            "InvalidNotificationArn.Duplicate",
            "InvalidParamter",
            "InvalidScalingGroupId.NotFound",
            "MissingParameter",
            "QueueNotExist",
            "QuotaExceeded.NotificationConfiguration",
            "TopicNotExist",
        ),
        "DeleteNotificationConfiguration": ("InvalidNotificationArn.NotFound",),
        "DescribeNotificationConfigurations": ("InvalidScalingGroupId.NotFound",),
        "ModifyNotificationConfiguration": (
            "InvalidNotificationArn.NotFound",
            "InvalidParamter",
        ),
        "DeleteLifecycleHook": (
            "InvalidLifecycleHookId.NotExist",
            "MissingParameter",
        ),
        "DescribeLifecycleActions": ("InvalidParameter",),
        "DescribeScalingActivities": (
            "InvalidParameter",
            "MissingParameter",
        ),
        "ExecuteScalingRule": ("InvalidScalingRuleAri.NotFound",),
        "ModifyLifecycleHook": (
            "InvalidLifecycleHookName.Duplicate",
            "InvalidParamter",
        ),
        "RecordLifecycleActionHeartbeat": (
            "InvalidParamter",
            "LifecycleAction.RecordTimesExceeded",
            "LifecycleAction.TimeExceeded",
        ),
        "ScaleWithAdjustment": (
            "InvalidParameter",
            "InvalidScalingGroupId.NotFound",
            "MissingParameter",
            "ScalingActivityInProgress",
        ),
    },
    behaviours={
        (
            "2014-08-28 wraps its lists (`LifecycleActions.LifecycleAction[]`); the item names "
            "besides this one"
        ): INFERRED,
        "In XML, a flat list of 2022-02-22 is a repeated element": INFERRED,
        (
            "Of several hooks of one scale-out activity the last to end decides; on scale-in "
            "ABANDON and ROLLBACK end the others"
        ): DOCUMENTED,
        (
            "A hook's message to a queue or topic: the documented keys, in Base64; by either "
            "edition's NotificationArn"
        ): DOCUMENTED,
        "`resourceArn`, and the place of `notificationMetadata` in `content`": INFERRED,
        (
            "A hook sends `ess:LifecycleHook:*` to the event bus only if its NotificationArn says "
            "so; `data` is the content of the message"
        ): INFERRED,
        "`ess:ScalingActivity:*` events (Start, Success, Error) go to the event bus": DOCUMENTED,
        "Their `data`; an activity that was called off is an Error": INFERRED,
        (
            "A message that cannot be delivered is lost; the state's "
            "`LifecycleActions[].Notification` says why"
        ): INFERRED,
        "Notifications of activities (`AUTOSCALING:SCALE_OUT_START` and the like, `AUTOSCALG:` "
        "too) to queues and topics, in Base64 by default, and to CloudMonitor": DOCUMENTED,
        "The body of a notification (`event`, `time` in its TimeZone, `content`); CloudMonitor's "
        "event goes to the event bus as `ess:CloudMonitor:AUTOSCALING[…]`": INFERRED,
        "A scaling group of container groups (`GroupType: ECI` of a seed) has `eci-…` ids": (
            DOCUMENTED
        ),
        "Time-outs take effect by themselves, at their own time on the cloud's clock": DOCUMENTED,
        (
            "Without an expected number of instances, a group refuses other activities while a "
            "hook waits (`ScalingActivityInProgress`)"
        ): DOCUMENTED,
        "That refusal is a 400; `ParallelTask` passes it by": INFERRED,
        "With an expected number, an activity starts at once, whatever SyncActivity says": INFERRED,
        "DestroyedInstances is empty until the instances are released": INFERRED,
        "New instances run at once, so nobody sees them `Pending`": EMULATOR_ONLY,
        "`POST /_cloud/scale` begins an activity": EMULATOR_ONLY,
        "A seeded action's time runs from the moment of the seed": EMULATOR_ONLY,
    },
    missing=(
        "scaling that starts by itself: alarms, schedules, expected numbers, health checks",
        "AttachInstances, DetachInstances, RemoveInstances, AttachVServerGroups",
        "`PartialSuccess` events",
        "what the notifications WARN, SCALE_REJECT, SCHEDULE_TASK_EXPIRING and others are sent for",
    ),
)
