"""CloudEvents 1.0 of EventBridge: an array from an event stream, one object from a rule (doc).

    {"specversion": "1.0", "id": "id-0001", "source": "acs.mns", "type": "mns:Queue:SendMessage",
     "subject": "acs:mns:cn-hangzhou:1000000000000001:queues/q1",
     "time": "2026-01-01T00:00:00.000Z", "datacontenttype": "application/json; charset=utf-8",
     "aliyunaccountid": "1000000000000001", "aliyunregionid": "cn-hangzhou",
     "aliyuneventbusname": "…", "aliyunpublishtime": "…",
     "data": {"…": "…"}}

`type` decides; `source` varies (doc). (`source`, `id`) identifies an event in every delivery. The
readers recognise the data of a stream by its shape, because eventSchema RawData omits the envelope.
If a rule's event contains a request document or a hook message, the function acts on it, whatever
the type. Every other event of the bus is skipped.

The scheduled event of EventBridge has this data (doc). The function reads a request document in
UserData and ignores any other UserData.

    {"TimeZone": "GMT+8:00", "Schedule": "0 */10 * * * *", "UserData": "…"}
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisioner.errors import Skip

from . import ess_events, failure_record, other_products
from .envelope import EnvelopeContext, Wrapped, read_identifier, read_region_id

_OWN_RESULTS = "vservergroup."
_ASYNC_SUCCESS = "fc:asyncinvoke:succeeded"
_SPOT_INTERRUPTION = "ecs:instance:preemptibleinstanceinterruption"
_MESSAGE_TYPES = frozenset(
    {
        "mns:queue:sendmessage",
        "mq:topic:sendmessage",
        "amqp:queue:sendmessage",
        "alikafka:topic:message",
        *ess_events.TRANSITIONS,
    }
)


def read(value: dict[str, Any], _: EnvelopeContext) -> Wrapped | Skip | None:
    event_type = value.get("type")
    if "specversion" not in value or not isinstance(event_type, str):
        return None
    event_type = event_type.lower()
    if reason := _find_skip_reason(event_type):
        return Skip(reason)
    source, event_id = read_identifier(value.get("source")), read_identifier(value.get("id"))
    context = EnvelopeContext(
        source="eventbridge",
        id=f"{source}:{event_id}" if source and event_id else "",
        region_id=read_region_id(value.get("aliyunregionid")),
        must_be_known=event_type in _MESSAGE_TYPES,
        part="the data",
        transition=ess_events.TRANSITIONS.get(event_type),
    )
    return Wrapped(value.get("data", value.get("data_base64")), context)


def read_schedule(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | Skip | None:
    """Read the data of a scheduled event."""
    if not value.keys() >= {"TimeZone", "Schedule"}:
        return None
    if "UserData" not in value:
        return Skip("a scheduled event without UserData, which asks for nothing")
    inner = replace(context, must_be_known=False, part="the UserData")
    return Wrapped(value["UserData"], inner)


def _find_skip_reason(event_type: str) -> str:
    if event_type.startswith(_OWN_RESULTS):
        return "a result of this function"
    if event_type == _ASYNC_SUCCESS:
        return failure_record.SUCCESS
    if event_type == _SPOT_INTERRUPTION:
        return other_products.SPOT_INTERRUPTION
    return ess_events.find_skip_reason(event_type)
