"""CloudEvents 1.0, as EventBridge hands them over: an array from an event stream, one object from a
rule (doc).

    {"specversion": "1.0", "id": "id-0001", "source": "acs.mns", "type": "mns:Queue:SendMessage",
     "subject": "acs:mns:cn-hangzhou:1000000000000001:queues/q1",
     "time": "2026-01-01T00:00:00.000Z", "datacontenttype": "application/json; charset=utf-8",
     "aliyunaccountid": "1000000000000001", "aliyunregionid": "cn-hangzhou",
     "aliyuneventbusname": "…", "aliyunpublishtime": "…",
     "data": {"…": "…"}}

`type` decides; `source` varies (doc). One event is (`source`, `id`), however often it comes. The
data of a stream is known by its own shape, since eventSchema RawData leaves the envelope away. A
rule's event that carries a request document or a hook message is acted on, whatever its type; the
rest of its bus is not an error.
"""

from __future__ import annotations

from typing import Any

from provisioner.errors import Skip

from . import ess_events
from .envelope import EnvelopeContext, Wrapped, read_identifier, read_region_id

OWN_RESULTS = "vservergroup."
_CARRIERS = frozenset(
    {
        "mns:queue:sendmessage",
        "mq:topic:sendmessage",
        "amqp:queue:sendmessage",
        "alikafka:topic:message",
        *ess_events.TRANSITIONS,
    }
)


def read(value: dict[str, Any], _: EnvelopeContext) -> Wrapped | Skip | None:
    kind = value.get("type")
    if "specversion" not in value or not isinstance(kind, str):
        return None
    kind = kind.lower()
    reason = ess_events.find_skip_reason(kind)
    if kind.startswith(OWN_RESULTS):
        reason = "a result of our own"
    if reason:
        return Skip(reason)
    source, event_id = read_identifier(value.get("source")), read_identifier(value.get("id"))
    delivery = EnvelopeContext(
        source="eventbridge",
        id=f"{source}:{event_id}" if source and event_id else "",
        region_id=read_region_id(value.get("aliyunregionid")),
        must_be_known=kind in _CARRIERS,
        transition=ess_events.TRANSITIONS.get(kind),
        part="the data",
    )
    return Wrapped(value.get("data", value.get("data_base64")), delivery)
