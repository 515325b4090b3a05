"""Events of Auto Scaling other than the hook message itself.

EventBridge sends these, by `type` (doc). Types are compared in lower case. The data of a
LifecycleHook event is read as a hook message (unknown).

    ess:LifecycleHook:{ScaleOut,ScaleIn,Test}
    ess:ScalingActivity:{ScaleOut,ScaleIn}{Start,Success,PartialSuccess,Error}
    ess:CloudMonitor:AUTOSCALING[SCALEOUTSTART] …       the brackets are literal
    ess:ActionTrail:*, ess:Config:*

MNS delivers the notifications of CreateNotificationConfiguration. Their body is unknown; they are
recognised by a NotificationType as a key or value: AUTOSCALING:… (doc; AUTOSCALG:… in the metadata
of the API) or SCALING_GROUP_DIAGNOSE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.errors import Skip
from provisioner.model import Transition

from .envelope import EnvelopeContext

_SCALE_OUT = "ess:lifecyclehook:scaleout"
_SCALE_IN = "ess:lifecyclehook:scalein"
TRANSITIONS = {_SCALE_OUT: Transition.SCALE_OUT, _SCALE_IN: Transition.SCALE_IN}
TEST = "a test event"
_ACTIVITY = "a report of a scaling activity, which asks for nothing"
_AUDIT = "an audit record, which asks for nothing"
_REASONS: Mapping[str, str] = {  # by the beginning of the type; the first that matches decides
    _SCALE_OUT: "",
    _SCALE_IN: "",
    "ess:lifecyclehook:test": TEST,
    "ess:scalingactivity:": _ACTIVITY,
    "ess:cloudmonitor:": _ACTIVITY,
    "ess:actiontrail:": _AUDIT,
    "ess:config:": _AUDIT,
    "ess:": "an Auto Scaling event of a type that this function does not act on",
}
_NOTIFICATION_TYPES = ("AUTOSCALING:", "AUTOSCALG:", "SCALING_GROUP_DIAGNOSE")


def find_skip_reason(event_type: str) -> str:
    """Return why the function does not act on a type (in lower case), or an empty string."""
    return next((_REASONS[start] for start in _REASONS if event_type.startswith(start)), "")


def read_notification(value: dict[str, Any], _: EnvelopeContext) -> Skip | None:
    content = value.get("content")
    objects = [value, content] if isinstance(content, dict) else [value]
    texts = [text for each in objects for pair in each.items() for text in pair]
    if any(isinstance(text, str) and text.startswith(_NOTIFICATION_TYPES) for text in texts):
        return Skip("a notification of a scaling activity, which asks for nothing")
    return None
