"""MNS, API 2015-06-06: every operation by its name."""

from localcloud.call import Service
from localcloud.services.mns import dead_letters, message_api, pushing, queue_api, topic_api
from localcloud.wire import mns

SERVICE = Service(
    name="mns",
    dialect=mns,
    versions=(mns.VERSION,),
    background=(pushing.keep_pushing, dead_letters.keep_moving),
    operations={
        "CreateQueue": queue_api.create_queue,
        "SetQueueAttributes": queue_api.set_queue_attributes,
        "GetQueueAttributes": queue_api.get_queue_attributes,
        "DeleteQueue": queue_api.delete_queue,
        "ListQueue": queue_api.list_queue,
        "SendMessage": message_api.send_message,
        "BatchSendMessage": message_api.batch_send_message,
        "ReceiveMessage": message_api.receive_message,
        "BatchReceiveMessage": message_api.batch_receive_message,
        "PeekMessage": message_api.peek_message,
        "BatchPeekMessage": message_api.batch_peek_message,
        "DeleteMessage": message_api.delete_message,
        "BatchDeleteMessage": message_api.batch_delete_message,
        "ChangeMessageVisibility": message_api.change_message_visibility,
        "CreateTopic": topic_api.create_topic,
        "SetTopicAttributes": topic_api.set_topic_attributes,
        "GetTopicAttributes": topic_api.get_topic_attributes,
        "DeleteTopic": topic_api.delete_topic,
        "ListTopic": topic_api.list_topic,
        "PublishMessage": topic_api.publish_message,
        "Subscribe": topic_api.subscribe,
        "SetSubscriptionAttributes": topic_api.set_subscription_attributes,
        "GetSubscriptionAttributes": topic_api.get_subscription_attributes,
        "Unsubscribe": topic_api.unsubscribe,
        "ListSubscriptionByTopic": topic_api.list_subscription_by_topic,
    },
)
