"""What localcloud covers of MNS: a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "CreateQueue": Covered(DOCUMENTED, "409 for other attributes"),
        "SetQueueAttributes": Covered(),
        "GetQueueAttributes": Covered(),
        "DeleteQueue": Covered(DOCUMENTED, "404 if it is not there"),
        "ListQueue": Covered(DOCUMENTED, "the marker is the next name"),
        "SendMessage": Covered(DOCUMENTED, "`MessageBodyMD5` is that of the text as transmitted"),
        "BatchSendMessage": Covered(DOCUMENTED, "400 as soon as one message fails"),
        "ReceiveMessage": Covered(
            DOCUMENTED,
            (
                "within a priority, the order of arrival; a duplicate (DuplicateDelivery) is "
                "there after the first was deleted"
            ),
        ),
        "BatchReceiveMessage": Covered(),
        "PeekMessage": Covered(),
        "BatchPeekMessage": Covered(),
        "DeleteMessage": Covered(
            DOCUMENTED,
            "an outdated handle is `ReceiptHandleError`, a deleted message `MessageNotExist`",
        ),
        "BatchDeleteMessage": Covered(DOCUMENTED, "400 as soon as one handle fails"),
        "ChangeMessageVisibility": Covered(),
        "CreateTopic": Covered(DOCUMENTED, "409 for other attributes"),
        "SetTopicAttributes": Covered(),
        "GetTopicAttributes": Covered(),
        "DeleteTopic": Covered(DOCUMENTED, "404 if it is not there"),
        "ListTopic": Covered(),
        "PublishMessage": Covered(
            DOCUMENTED,
            (
                "a subscription whose queue is gone gets nothing; user properties are the "
                "attributes of a function's event"
            ),
        ),
        "Subscribe": Covered(
            DOCUMENTED,
            (
                "a function endpoint's form; HTTP and HTTPS endpoints of any host are taken, and "
                "one that is no URL is `InvalidArgument`; mail and SMS answer 501"
            ),
        ),
        "SetSubscriptionAttributes": Covered(),
        "GetSubscriptionAttributes": Covered(),
        "Unsubscribe": Covered(DOCUMENTED, "404 if it is not there"),
        "ListSubscriptionByTopic": Covered(),
    },
    codes={
        "BatchPeekMessage": ("MessageNotExist",),
        "BatchReceiveMessage": (
            "InvalidArgument",
            "MessageNotExist",
        ),
        "BatchSendMessage": ("InvalidArgument",),
        "ChangeMessageVisibility": (
            "MissingReceiptHandle",
            "MissingVisibilityTimeout",
        ),
        "CreateQueue": (
            "InvalidArgument",
            "QueueAlreadyExist",
        ),
        "CreateTopic": (
            "InvalidArgument",
            "TopicAlreadyExist",
        ),
        "DeleteMessage": (
            "MessageNotExist",
            "MissingReceiptHandle",
            "ReceiptHandleError",
        ),
        "DeleteQueue": ("QueueNotExist",),
        "DeleteTopic": ("TopicNotExist",),
        "GetQueueAttributes": ("QueueNotExist",),
        "GetSubscriptionAttributes": ("SubscriptionNotExist",),
        "GetTopicAttributes": ("TopicNotExist",),
        "PeekMessage": ("MessageNotExist",),
        "PublishMessage": (
            "InvalidArgument",
            "TopicNotExist",
        ),
        "ReceiveMessage": (
            "InvalidArgument",
            "MessageNotExist",
            "QueueNotExist",
        ),
        "SendMessage": (
            "InvalidArgument",
            "MalformedXML",
            "QueueNotExist",
        ),
        "SetSubscriptionAttributes": ("InvalidArgument",),
        "Subscribe": (
            "InvalidArgument",
            "SubscriptionAlreadyExist",
            "TopicNotExist",
        ),
    },
    behaviours={
        "Messages expire with the queue's MessageRetentionPeriod, on the cloud's clock": DOCUMENTED,
        "The DlqPolicy of a queue (`Enabled`, `DeadLetterTargetQueue`, `MaxReceiveCount`), as "
        "deployment templates have it, is set by a seed or a stack only": EMULATOR_ONLY,
        "A message that was received MaxReceiveCount times moves when it would be visible again, "
        "with its id, body and priority; its receptions and its retention begin anew; without "
        "its target it stays": INFERRED,
        "A subscription without a NotifyContentFormat delivers XML, to queues and to HTTP "
        "endpoints; `Message` is the body as it was published, in Base64 or not": DOCUMENTED,
        "The user properties of a message are attributes of a function's event, and no part of "
        "XML, JSON and SIMPLIFIED": INFERRED,
        "Pushes go to plain HTTP on loopback only; the journal has the others as `NotPushed`": (
            EMULATOR_ONLY
        ),
        (
            "HTTP pushes: XML, JSON, SIMPLIFIED; success is a 2xx within 5 s; BACKOFF_RETRY 3 "
            "tries more, EXPONENTIAL_DECAY_RETRY 176; then discarded"
        ): DOCUMENTED,
        "A SIMPLIFIED push's headers besides `x-mns-message-id` and `x-mns-message-tag`": INFERRED,
        "HTTP pushes bear no signature (`Authorization`, `x-mns-signing-cert-url`)": EMULATOR_ONLY,
        "Pushes, to functions too, are entries of the journal (`PushNotification`)": EMULATOR_ONLY,
        "`DuplicateDelivery` delivers each n-th message, or some by chance, twice": EMULATOR_ONLY,
    },
    missing=(
        "the DlqPolicy of queues and subscriptions over the API, whose form is not known",
        "mail and SMS endpoints; pushes over HTTPS and to other machines",
        "signature V4",
    ),
)
