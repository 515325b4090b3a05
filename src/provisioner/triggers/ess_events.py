"""Auto Scaling's events other than the hook message itself.

On EventBridge (doc), by `type`; the data of a LifecycleHook event is taken for a hook message
(unknown). Their names are compared in lower case.

    ess:LifecycleHook:{ScaleOut,ScaleIn,Test}
    ess:ScalingActivity:{ScaleOut,ScaleIn}{Start,Success,PartialSuccess,Error}
    ess:CloudMonitor:AUTOSCALING[SCALEOUTSTART] …       literal brackets
    ess:ActionTrail:*, ess:Config:*

On MNS, the notifications of CreateNotificationConfiguration: their body is unknown. They are
recognised by a NotificationType somewhere in it: AUTOSCALING:… or SCALING_GROUP_DIAGNOSE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.errors import Skip
from provisioner.model import Transition

from .envelope import EnvelopeContext

HOOK_SCALE_OUT = "ess:lifecyclehook:scaleout"
HOOK_SCALE_IN = "ess:lifecyclehook:scalein"
TRANSITIONS = {HOOK_SCALE_OUT: Transition.SCALE_OUT, HOOK_SCALE_IN: Transition.SCALE_IN}
TEST = "a test event"
_REASONS: Mapping[str, str] = {
    HOOK_SCALE_OUT: "",
    HOOK_SCALE_IN: "",
    "ess:lifecyclehook:test": TEST,
    "ess:scalingactivity:": "news of a scaling activity, which asks for nothing",
    "ess:cloudmonitor:": "news of a scaling activity, which asks for nothing",
    "ess:actiontrail:": "an audit record, which asks for nothing",
    "ess:config:": "an audit record, which asks for nothing",
    "ess:": "an Auto Scaling event of a type that this function does not act on",
}
_NOTIFICATION_TYPES = ("AUTOSCALING:", "SCALING_GROUP_DIAGNOSE")


def find_skip_reason(kind: str) -> str:
    """Why a type, in lower case, is not acted on; nothing for one that may be."""
    return next((reason for prefix, reason in _REASONS.items() if kind.startswith(prefix)), "")


def read_notification(value: dict[str, Any], _: EnvelopeContext) -> Skip | None:
    content = value.get("content")
    parts = [value, content] if isinstance(content, dict) else [value]
    texts = [text for part in parts for pair in part.items() for text in pair]
    if any(isinstance(text, str) and text.startswith(_NOTIFICATION_TYPES) for text in texts):
        return Skip("a notification of a scaling activity, which asks for nothing")
    return None
