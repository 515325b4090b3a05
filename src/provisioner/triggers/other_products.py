"""Events of other products that ask for nothing, as their triggers or notifications send them.

OSS (seen) and CDN (doc)
    {"events": [{"eventName": "ObjectCreated:PutObject", "eventSource": "acs:oss",
                 "oss": {"…": "…"}, "…": "…"}]}
    {"events": [{"eventName": "CdnDomainStopped", "eventSource": "cdn", "…": "…"}]}

SLS (doc)
    {"parameter": {}, "source": {"endpoint": "…", "projectName": "…", "logstoreName": "…",
     "shardId": 0, "beginCursor": "…", "endCursor": "…"}, "jobName": "…", "taskId": "…",
     "cursorTime": 1767225600}

Tablestore (doc)
    {"Version": "Sync-v1", "Records": [{"Type": "PutRow", "Info": {}, "PrimaryKey": [],
                                        "Columns": []}]}

CloudMonitor (doc), directly, through a queue, or as the data of an event
    {"product": "ECS", "name": "Instance:StateChange", "level": "INFO", "resourceId": "…",
     "regionId": "cn-hangzhou", "status": "…", "content": {"…": "…"}, "ver": "1.0"}
"""

from __future__ import annotations

from typing import Any

from provisioner.errors import Skip

from .envelope import EnvelopeContext

SPOT_INTERRUPTION = (
    "a spot interruption (Instance:PreemptibleInstanceInterruption), which this function does not"
    " act on"
)
_SPOT_INTERRUPTION_NAME = "Instance:PreemptibleInstanceInterruption"


def read(value: dict[str, Any], _: EnvelopeContext) -> Skip | None:
    if _is_list_of_events(value.get("events")):
        return Skip("an event of OSS or CDN, which asks for nothing")
    source = value.get("source")
    if isinstance(source, dict) and "logstoreName" in source and "jobName" in value:
        return Skip("an event of SLS, which asks for nothing")
    if "Version" in value and isinstance(value.get("Records"), list):
        return Skip("an event of Tablestore, which asks for nothing")
    if value.keys() >= {"product", "name", "content"}:
        if value["name"] == _SPOT_INTERRUPTION_NAME:
            return Skip(SPOT_INTERRUPTION)
        return Skip("an event of CloudMonitor, which asks for nothing")
    return None


def _is_list_of_events(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_event, value))


def _is_event(value: object) -> bool:
    return isinstance(value, dict) and (
        "oss" in value or value.keys() >= {"eventName", "eventSource"}
    )
