"""Names are pure functions of an event, except a claim's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import REGION, a_hook_request, a_request
from provisioner.groups import naming
from provisioner.model import Backend, Instance, Request, VServerGroup

NONCE = "00000000000000ff"
ONLY_FACTS = "may use only {scaling_group_id}, {scaling_activity_id}, {content_hash}"
NAME_RULE = "must be 1 to 80 letters, digits, - / . _"


@pytest.mark.parametrize("name", ["a", "x" * 80, "Group1", "k8s/80/web/default.c_1-2", "组一"])
def test_a_name_may_hold_what_the_api_takes(name: str) -> None:
    assert naming.check_name(name, "/VServerGroupName") == []


@pytest.mark.parametrize("name", ["", "x" * 81, "a b", "a\n", "ü", "a:b", "{x}"])
def test_a_name_that_the_api_would_not_take_is_a_problem(name: str) -> None:
    (found,) = naming.check_name(name, "/VServerGroupName")
    assert (found.path, found.message) == ("/VServerGroupName", NAME_RULE)


@pytest.mark.parametrize("name", ["pending-claim/", "pending-claim/web"])
def test_a_claims_prefix_is_reserved(name: str) -> None:
    (found,) = naming.check_name(name, "")
    assert "must not begin with pending-claim/" in found.message


@pytest.mark.parametrize(
    "template",
    [
        "web",
        "{scaling_group_id}",
        "{scaling_group_id}/{scaling_activity_id}-{content_hash}",
        "{content_hash}" * 40,
    ],
)
def test_a_template_may_hold_facts_of_the_event(template: str) -> None:
    assert naming.check_template(template, "/0") == []


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{time}", ONLY_FACTS),
        ("{}", ONLY_FACTS),
        ("{0}", ONLY_FACTS),
        ("{scaling_group_id.__class__}", ONLY_FACTS),
        ("{scaling_group_id[0]}", ONLY_FACTS),
        ("{scaling_group_id!r}", ONLY_FACTS),
        ("{scaling_group_id:>80}", ONLY_FACTS),
        ("{scaling_group_id", "has an unbalanced brace; write {{ or }} for a literal one"),
        ("web}", "has an unbalanced brace; write {{ or }} for a literal one"),
        ("{{web}}", NAME_RULE),
        ("web {content_hash}", NAME_RULE),
        ("", NAME_RULE),
        ("x" * 81, NAME_RULE),
        (
            "pending-claim/{content_hash}",
            "must not begin with pending-claim/, which marks unfinished groups",
        ),
    ],
)
def test_what_no_event_can_mend_is_known_of_a_template_beforehand(
    template: str, message: str
) -> None:
    (found,) = naming.check_template(template, "/0/VServerGroupName")
    assert (found.path, found.message) == ("/0/VServerGroupName", message)


def test_a_template_is_expanded_over_the_facts_of_the_event() -> None:
    template = "{scaling_group_id}/{scaling_activity_id}/{content_hash}"
    group, activity, content = naming.expand_template(template, a_hook_request()).split("/")
    assert (group, activity) == ("asg-0001", "asa-0001")
    assert len(content) == 16


def test_a_content_hash_knows_instances_and_backends_in_any_order() -> None:
    def content(request: Request) -> str:
        return naming.expand_template("{content_hash}", request)

    one, two = a_hook_request(instance_ids=["i-1", "i-2"]), a_hook_request(instance_ids=["i-1"])
    assert content(one) == content(a_hook_request("other", instance_ids=["i-2", "i-1"]))
    assert content(one) != content(two)
    servers = (Backend("i-1", 80), Backend("i-1", 81))
    assert content(a_request("d", "1", backends=servers)) == content(
        a_request("d", "2", backends=servers[::-1])
    )
    assert content(a_request("d", "1", backends=servers)) != content(
        a_request("d", "1", backends=servers[:1])
    )


def test_a_claim_is_read_back_from_its_name() -> None:
    claim = naming.make_claim("组" * 80, 1_800_000_000.9, NONCE)
    assert naming.parse_claim(claim.name) == claim
    assert claim.stamped == 1_800_000_000
    assert len(claim.name) <= 80
    assert naming._NAME.match(claim.name)


def test_a_claim_is_for_its_own_name_only() -> None:
    claim = naming.make_claim("web", 1.0, NONCE)
    assert claim.is_for("web")
    assert not claim.is_for("web2")


def test_the_lower_nonce_comes_first_whatever_the_age() -> None:
    young = naming.make_claim("web", 2.0, "0000000000000001")
    old = naming.make_claim("web", 1.0, "0000000000000002")
    assert min(old, young) is young


@pytest.mark.parametrize(
    "name",
    [
        "web",
        "pending-claim/web",
        naming.make_claim("web", 1.0, NONCE).name + "\n",
        naming.make_claim("web", 1.0, NONCE).name.upper(),
        naming.make_claim("web", 1.0, NONCE[1:]).name,
        "x" + naming.make_claim("web", 1.0, NONCE).name,
    ],
)
def test_what_only_looks_like_a_claim_is_none(name: str) -> None:
    assert naming.parse_claim(name) is None


def test_a_fingerprint_is_the_same_in_every_delivery_and_differs_by_what_was_asked() -> None:
    def mark(request: Request, **group: str) -> str:
        made = VServerGroup(REGION, "lb-0001", "web")
        return naming.compute_fingerprint(request, replace(made, **group))  # type: ignore[arg-type]

    request = a_request("direct", "e-1", backends=(Backend("i-1", 80), Backend("i-2", 80)))
    same = replace(request, backends=request.backends[::-1] if request.backends else None)
    assert mark(request) == mark(same)
    assert len(mark(request)) == 32
    others = {
        mark(request),
        mark(request, name="web2"),
        mark(request, load_balancer_id="lb-0002"),
        mark(a_request("direct", "e-2", backends=request.backends)),
        mark(replace(request, backends=(Backend("i-1", 80, 7), Backend("i-2", 80)))),
        mark(replace(request, backends=None, instances=(Instance("i-1"),))),
    }
    assert len(others) == 6


def test_ownership_fits_into_tags() -> None:
    for key, value in naming.build_owner_tags("f" * 32).items():
        assert len(key) <= 64
        assert len(value) <= 128


@pytest.mark.parametrize(
    ("template", "once"),
    [
        ("{scaling_group_id}", False),
        ("web", False),
        ("{{content_hash}}", False),
        ("{scaling_group_id}/{scaling_activity_id}", True),
        ("web-{content_hash}", True),
    ],
)
def test_only_an_activity_or_the_content_makes_the_names_of_a_template_belong_to_one_event(
    template: str, once: bool
) -> None:
    assert naming.is_wanted_once(template) is once


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("asg-1", "asg-1", True),
        ("asg-1/a", "asg-1/*", True),
        ("asg-1", "asg-1/*", False),
        ("asg-12", "asg-1", False),
        ("axb", "a.b", False),
        ("x-asg-1/a", "asg-1/*", False),
    ],
)
def test_a_star_stands_for_what_only_an_event_knows(name: str, pattern: str, fits: bool) -> None:
    assert naming.matches_glob(name, pattern) is fits
