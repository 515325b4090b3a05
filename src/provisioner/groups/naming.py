"""Names of groups and claims, ids of events, and the tags by which the function knows its groups.

The name of a group is its identity, so it is a pure function of the event: the request gives it, or
a binding's template over facts that every delivery of the event shares. Time and chance are only in
the name of a claim, which two deliveries race with (see `ensure`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from string import Formatter
from typing import NamedTuple

from provisioner.errors import Problem
from provisioner.model import Binding, Request, VServerGroup

# VServerGroupName: 1-80 of letters, digits, - / . _ (and Chinese in the Chinese edition).
_NAME = re.compile(r"[A-Za-z0-9\u4e00-\u9fff/._-]{1,80}\Z")
TEMPLATE_FACTS = ("scaling_group_id", "scaling_activity_id", "content_hash")

CLAIM_PREFIX = "pending-claim/"
_CLAIM = re.compile(re.escape(CLAIM_PREFIX) + r"([0-9a-f]{24})/(\d{1,12})/([0-9a-f]{16})\Z")

OWNER_TAG = "vservergroup-provisioner"
REQUEST_TAG = "vservergroup-provisioner-request"


class Claim(NamedTuple):
    """The name of an unfinished group. Claims are ordered by `nonce`: the lowest one stays."""

    nonce: str
    stamped: int
    wanted_hash: str

    @property
    def name(self) -> str:
        return f"{CLAIM_PREFIX}{self.wanted_hash}/{self.stamped}/{self.nonce}"

    def is_for(self, name: str) -> bool:
        return self.wanted_hash == _hash_name(name)


def make_claim(wanted_name: str, stamped: float, nonce: str) -> Claim:
    """Return a claim. `stamped` is a Date of the load balancer's API, in seconds since 1970;
    `nonce` has 16 hexadecimal digits."""
    return Claim(nonce, int(stamped), _hash_name(wanted_name))


def parse_claim(name: str) -> Claim | None:
    """Return the claim that a group's name stands for, or None."""
    match = _CLAIM.match(name)
    return match and Claim(match[3], int(match[2]), match[1])


def check_name(name: str, path: str) -> list[Problem]:
    """Check the name of a wanted group."""
    if not _NAME.match(name):
        return [Problem(path, "must be 1 to 80 letters, digits, - / . _")]
    if name.startswith(CLAIM_PREFIX):
        return [Problem(path, f"must not begin with {CLAIM_PREFIX}, which marks unfinished groups")]
    return []


def check_template(template: str, path: str) -> list[Problem]:
    """Check what is known of a template before there is an event: its syntax, the facts that it
    names, and its fixed characters."""
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
    """Return the names that a binding gives. A * stands for what only the event knows that created
    the group: the event by which servers leave is another one."""
    return template.format(
        scaling_group_id=scaling_group_id, scaling_activity_id="*", content_hash="*"
    )


def binding_glob(binding: Binding) -> str:
    """Return the names of a binding's groups. If a hook may change the name, this is every name."""
    if "VServerGroupName" in binding.metadata_may_override:
        return "*"
    return name_glob(binding.name_template, binding.scaling_group_id)


def matches_any_glob(name: str, patterns: Iterable[str]) -> bool:
    return any(matches_glob(name, pattern) for pattern in patterns)


def matches_glob(name: str, pattern: str) -> bool:
    """Match a name against a pattern. A *, which is in no name, stands for any text."""
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), name) is not None


def is_wanted_once(template: str) -> bool:
    """Tell whether every name of a template belongs to one event, which no later event shares."""
    return has_activity_fact(template) or has_content_fact(template)


def has_activity_fact(template: str) -> bool:
    return "scaling_activity_id" in _parse_facts(template)


def has_content_fact(template: str) -> bool:
    return "content_hash" in _parse_facts(template)


@lru_cache  # a deployment has few templates
def _parse_facts(template: str) -> frozenset[str | None]:
    return frozenset(fact for _, fact, _, _ in Formatter().parse(template))


def expand_template(template: str, request: Request) -> str:
    """Return the name of the group that a request wants.

    `content_hash` covers every instance that the event names, also one that is gone by now: a later
    delivery must lead to the same group.
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
    """Return the id of a hook's event. There is one token for each hook and activity (doc).

    Whoever holds the token can end the action, so an id contains only its hash.
    """
    return f"{hook_id}:{scaling_activity_id or f'token-{compute_digest(token)[:32]}'}"


def compute_fingerprint(request: Request, group: VServerGroup) -> str:
    """Return 32 hexadecimal digits that identify the request which creates a group. They are the
    same in every delivery of its event."""
    backends = sorted([*backend.key, backend.weight] for backend in request.backends or ())
    event = [request.event.id, group.load_balancer_id, group.name]
    return compute_digest([*event, _sort_instance_ids(request), backends])[:32]


def compute_digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of a value, in hexadecimal digits."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def is_owned(group: VServerGroup) -> bool:
    """Tell whether a group bears our tag, as every group does that this function created."""
    return OWNER_TAG in group.tags


def build_owner_tags(request_fingerprint: str) -> Mapping[str, str]:
    """Return the tags of a group that this function creates: whose it is, and by which request."""
    return {OWNER_TAG: "1", REQUEST_TAG: request_fingerprint}


def _sort_instance_ids(request: Request) -> list[str]:
    return sorted(instance.instance_id for instance in request.instances)


@lru_cache  # every list of groups needs it
def _hash_name(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()[:24]
