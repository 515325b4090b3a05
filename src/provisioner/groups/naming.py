"""Names: of groups, of claims, of requests and of notifications.

A group's name is its identity, so it is a pure function of the event: explicit, or a binding's
template over stable facts, never over time or chance. A claim's name is the one place where time
and chance belong: it is what two deliveries race with (see `ensure`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import NamedTuple

from provisioner.errors import Problem
from provisioner.model import Request, VServerGroup

# VServerGroupName: 1-80 of letters, digits, - / . _ (and Chinese in the Chinese edition).
_NAME = re.compile(r"[A-Za-z0-9\u4e00-\u9fff/._-]{1,80}\Z")
TEMPLATE_FACTS = ("scaling_group_id", "scaling_activity_id", "content_hash")

CLAIM_PREFIX = "pending-claim/"
_CLAIM = re.compile(re.escape(CLAIM_PREFIX) + r"([0-9a-f]{24})/(\d{1,12})/([0-9a-f]{16})\Z")

PENDING_DELETE_PREFIX = "pending-delete/"

OWNER_TAG = "vservergroup-provisioner"
REQUEST_TAG = "vservergroup-provisioner-request"


class Claim(NamedTuple):
    """A pending group. `nonce` comes first: the lowest one stays when two claims meet."""

    nonce: str
    stamped: int
    wanted_hash: str

    @property
    def name(self) -> str:
        return f"{CLAIM_PREFIX}{self.wanted_hash}/{self.stamped}/{self.nonce}"

    def is_for(self, name: str) -> bool:
        return self.wanted_hash == _hash_name(name)


def make_claim(wanted_name: str, stamped: float, nonce: str) -> Claim:
    """`stamped` is a Date of the API's, in seconds since 1970; `nonce` has 16 hex digits."""
    return Claim(nonce, int(stamped), _hash_name(wanted_name))


def pending_delete_name(wanted_name: str) -> str:
    """What a group is called while it is decided whether it is deleted (see `parked`)."""
    return f"{PENDING_DELETE_PREFIX}{_hash_name(wanted_name)}"


def parse_claim(name: str) -> Claim | None:
    match = _CLAIM.match(name)
    return match and Claim(match[3], int(match[2]), match[1])


def check_name(name: str, path: str) -> list[Problem]:
    if not _NAME.match(name):
        return [Problem(path, "must be 1 to 80 letters, digits, - / . _")]
    for prefix in (CLAIM_PREFIX, PENDING_DELETE_PREFIX):
        if name.startswith(prefix):
            return [Problem(path, f"must not begin with {prefix}, which marks unfinished groups")]
    return []


def check_template(template: str, path: str) -> list[Problem]:
    """What can be known before there is an event: the syntax, the facts, the fixed characters."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return [Problem(path, "has an unbalanced brace; write {{ or }} for a literal one")]
    facts = [fact for _, fact, _, _ in parts if fact is not None]
    unknown = [fact for fact in facts if fact not in TEMPLATE_FACTS]
    if unknown or any(spec or conversion for _, _, spec, conversion in parts):
        return [Problem(path, f"may use only {{{'}, {'.join(TEMPLATE_FACTS)}}}")]
    return check_name("".join(text for text, _, _, _ in parts) + "x" * len(facts), path)


def name_glob(template: str, scaling_group_id: str) -> str:
    """Of the names that a binding gives: * stands for what only the event knew that made a group.
    The one that takes servers out is another."""
    return template.format(
        scaling_group_id=scaling_group_id, scaling_activity_id="*", content_hash="*"
    )


def is_pending(name: str) -> bool:
    """Of a group that is not finished, or on its way to be deleted."""
    return name.startswith((CLAIM_PREFIX, PENDING_DELETE_PREFIX))


def pending_delete_name_of(claim: Claim) -> str:
    """What the group is called that whoever holds this claim may have parked."""
    return f"{PENDING_DELETE_PREFIX}{claim.wanted_hash}"


def matches_glob(name: str, pattern: str) -> bool:
    """A * in the pattern, which no name has, stands for anything."""
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), name) is not None


def has_activity_fact(template: str) -> bool:
    return "scaling_activity_id" in _parse_facts(template)


def has_content_fact(template: str) -> bool:
    return "content_hash" in _parse_facts(template)


@lru_cache  # a deployment has few templates
def _parse_facts(template: str) -> frozenset[str | None]:
    return frozenset(fact for _, fact, _, _ in Formatter().parse(template))


def expand_template(template: str, request: Request) -> str:
    """The name of the group, from facts that every delivery of the event shares.

    `content_hash` covers the instances that the event named, gone or not: what has happened to them
    since must not lead a later delivery to another group.
    """
    activity = request.action.scaling_activity_id if request.action else ""
    return template.format(
        scaling_group_id=request.scaling_group_id,
        scaling_activity_id=activity,
        content_hash=_hash_content(request) if has_content_fact(template) else "",
    )


def _hash_content(request: Request) -> str:
    backends = sorted([*backend.key] for backend in request.backends or ())
    return compute_digest([_sort_instance_ids(request), backends])[:16]


def build_hook_event_id(hook_id: str, scaling_activity_id: str, token: str) -> str:
    """One token for each hook and activity (doc). The token lets its holder end the action, so it
    is known by its hash where ids are told."""
    return f"{hook_id}:{scaling_activity_id or f'token-{compute_digest(token)[:32]}'}"


def compute_fingerprint(request: Request, group: VServerGroup) -> str:
    """Which very request made a group, by what it asked for: the same in every delivery of it."""
    backends = sorted([*backend.key, backend.weight] for backend in request.backends or ())
    event = [request.event.id, group.load_balancer_id, group.name]
    return compute_digest([*event, _sort_instance_ids(request), backends])[:32]


def build_owner_description(request_fingerprint: str) -> str:
    """Carries ownership where an endpoint has no tags: the Description of each backend we add."""
    return f"{OWNER_TAG}/{request_fingerprint}"


def compute_digest(value: object) -> str:
    """SHA-256 of the canonical JSON of a value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def build_owner_tags(request_fingerprint: str) -> Mapping[str, str]:
    return {OWNER_TAG: "1", REQUEST_TAG: request_fingerprint}


def _sort_instance_ids(request: Request) -> list[str]:
    return sorted(instance.instance_id for instance in request.instances)


@lru_cache  # asked for with every list of groups
def _hash_name(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()[:24]
