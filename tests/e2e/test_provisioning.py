"""What the function does on the cloud, call by call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

import pytest
from defusedxml import ElementTree

import builders
from e2e.stage import (
    ACTIONS,
    ADD,
    COMPLETE,
    CREATE,
    EVENTS,
    INSTANCES,
    LIST,
    LOOKED,
    PUBLISH,
    READ,
    RENAME,
    WRITES,
    Cloud,
    Stage,
    context,
    document,
    environment,
    hook_event,
    servers_of,
)
from opskit.world import LOAD_BALANCER, REGION, world_of
from provisioner.errors import Code, ConfigurationError, Retryable
from provisioner.groups.naming import OWNER_TAG, REQUEST_TAG
from provisioner.model import Request
from provisioner.triggers import decode

Staged = Callable[..., Stage]

GROUP_1 = {("vm-233", 80, 100), ("vm-232", 90, 100), ("vm-231", 70, 100)}
OF_45 = (EVENTS / "ess_hook.scale-out-45.json").read_bytes()
IDS_OF_45 = json.loads(OF_45)["content"]["instanceIds"]


def test_the_example_of_the_api_page_is_read_back_in_json_and_in_xml(staged: Staged) -> None:
    event = (EVENTS / "direct.api-page-example.json").read_bytes()
    stage = staged(event)

    (outcome,) = stage.deliver(event)["outcomes"]

    told = stage.read(outcome["VServerGroupId"])
    assert (outcome["outcome"], told["VServerGroupName"]) == ("provisioned", "Group1")
    in_json = told["BackendServers"]["BackendServer"]
    assert {(b["ServerId"], b["Port"], b["Weight"]) for b in in_json} == GROUP_1
    tags = {tag["TagKey"]: tag["TagValue"] for tag in told["Tags"]["Tag"]}
    assert tags.keys() == {OWNER_TAG, REQUEST_TAG}

    root = signed_by_hand(stage.cloud.url, outcome["VServerGroupId"])
    assert root.tag == "DescribeVServerGroupAttributeResponse"
    assert root.findtext("VServerGroupName") == "Group1"
    in_xml = root.iterfind("BackendServers/BackendServer")
    assert {
        (b.findtext("ServerId"), int(b.findtext("Port")), int(b.findtext("Weight"))) for b in in_xml
    } == GROUP_1
    found = root.iterfind("Tags/Tag")
    assert {tag.findtext("TagKey"): tag.findtext("TagValue") for tag in found} == tags


def signed_by_hand(url: str, vserver_group_id: str) -> Any:
    """DescribeVServerGroupAttribute in XML, with version 1 of the signature and no SDK."""
    pairs = {
        "Action": READ,
        "Version": "2014-05-15",
        "Format": "XML",
        "RegionId": REGION,
        "VServerGroupId": vserver_group_id,
        "AccessKeyId": "localcloud",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": str(uuid.uuid4()),
        "Timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    query = "&".join(f"{name}={quote(pairs[name], safe='-_.~')}" for name in sorted(pairs))
    to_sign = f"GET&%2F&{quote(query, safe='-_.~')}"
    digest = hmac.digest(b"localcloud-secret&", to_sign.encode(), hashlib.sha1)
    signature = quote(base64.b64encode(digest), safe="")
    with build_opener(ProxyHandler({})).open(f"{url}/?{query}&Signature={signature}") as answer:
        assert answer.headers["Content-Type"].startswith("text/xml")
        return ElementTree.fromstring(answer.read())


def test_a_hook_of_45_gets_its_servers_into_service_and_says_so(staged: Staged) -> None:
    stage = staged(OF_45)

    (outcome,) = stage.deliver(OF_45)["outcomes"]

    (result,) = stage.received()
    assert result["type"] == "vservergroup.provisioned"
    assert result["data"]["VServerGroupId"] == outcome["VServerGroupId"]
    assert [b["ServerId"] for b in result["data"]["BackendServers"]] == IDS_OF_45
    assert result["data"]["lifecycle"]["LifecycleActionResult"] == "CONTINUE"
    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.in_service() == IDS_OF_45
    (group,) = stage.groups()
    assert servers_of(group) == IDS_OF_45


def test_a_hook_that_is_delivered_again_changes_nothing_and_says_the_same(staged: Staged) -> None:
    stage = staged(OF_45)
    stage.deliver(OF_45)
    (first,), before = stage.received(), stage.groups()
    stage.actions()

    (outcome,) = stage.deliver(OF_45)["outcomes"]

    assert not WRITES.intersection(stage.actions())
    (again,) = stage.received()
    assert again["id"] == first["id"]
    assert again["data"]["VServerGroupId"] == outcome["VServerGroupId"]
    assert first["data"]["VServerGroupId"] == outcome["VServerGroupId"]
    assert stage.groups() == before
    assert stage.hook() == ("Completed", "CONTINUE")


@pytest.mark.parametrize(
    ("event", "calls"),
    [
        pytest.param(
            hook_event(5),
            [*LOOKED, LIST, CREATE, LIST, ADD, RENAME, PUBLISH, COMPLETE],
            id="a hook of 5",
        ),
        pytest.param(
            # Both lists of servers are sent 20 a call.
            OF_45,
            [INSTANCES, INSTANCES, *LOOKED]
            + [LIST, CREATE, LIST]
            + [ADD] * 3
            + [RENAME, PUBLISH, COMPLETE],
            id="a hook of 45",
        ),
        pytest.param(document(5), [LIST, CREATE, LIST, ADD, RENAME, PUBLISH], id="a document of 5"),
        pytest.param(
            document(45),
            [LIST, CREATE, LIST, ADD, ADD, ADD, RENAME, PUBLISH],
            id="a document of 45",
        ),
        pytest.param(document(0), [LIST, CREATE, LIST, RENAME, PUBLISH], id="an empty group"),
        pytest.param(document(5, DryRun=True), [LIST], id="a plan"),
    ],
)
def test_the_first_delivery_makes_no_call_that_the_protocol_does_not_need(
    staged: Staged, event: bytes, calls: list[str]
) -> None:
    stage = staged(event)
    stage.deliver(event)
    assert stage.actions() == calls


@pytest.mark.parametrize(
    ("event", "calls"),
    [
        pytest.param(hook_event(5), [INSTANCES, ACTIONS, LIST, READ, PUBLISH], id="a hook"),
        pytest.param(document(45), [LIST, READ, PUBLISH], id="a document"),
        pytest.param(document(0), [LIST, READ, PUBLISH], id="an empty group"),
    ],
)
def test_the_second_delivery_only_reads_and_publishes(
    staged: Staged, event: bytes, calls: list[str]
) -> None:
    stage = staged(event)
    app = stage.app()
    first = stage.deliver(event, app)
    stage.actions()

    assert stage.deliver(event, app) == first
    assert stage.actions() == calls


def test_a_group_that_grows_gets_what_is_missing_in_one_call(staged: Staged) -> None:
    first = hook_event(3)
    second = hook_event(
        2, first=4, scalingActivityId="asa-0002", lifecycleActionToken=builders.TOKEN[:-1] + "2"
    )
    stage = staged(first, second)
    stage.deliver(first)
    stage.actions()

    stage.deliver(second)

    assert stage.actions() == [*LOOKED, LIST, READ, ADD, READ, PUBLISH, COMPLETE]
    assert servers_of(stage.the_group()) == ["i-0001", "i-0002", "i-0003", "i-0004", "i-0005"]


def test_a_hook_of_a_scaling_group_that_no_binding_knows_is_never_completed(
    staged: Staged,
) -> None:
    stage = staged(OF_45)
    stage.environ["BINDINGS"] = "[]"

    (outcome,) = stage.deliver(OF_45)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("refused", Code.NO_BINDING.value)
    assert stage.actions() == [PUBLISH]
    (result,) = stage.received()
    assert result["type"] == "vservergroup.refused"
    assert result["data"]["error"]["code"] == Code.NO_BINDING.value
    assert stage.hook()[0] == "Pending"


def test_without_permission_the_event_is_kept_and_nothing_is_lost(staged: Staged) -> None:
    event = hook_event(5)
    stage = staged(event)
    app = stage.app()
    stranger = context(keys=("of-the-role", "secret-of-the-role"))

    with pytest.raises(Retryable) as caught:
        stage.deliver_as(stranger, event, app)

    assert caught.value.code == Code.PERMISSION_MISSING.value
    assert "secret-of-the-role" not in str(caught.value)
    assert stage.hook()[0] == "Pending"
    assert (stage.groups(), stage.received()) == ([], [])

    key = {"AccessKeyId": "of-the-role", "AccessKeySecret": "secret-of-the-role"}
    stage.cloud.seed(Keys=[key])
    stage.deliver_as(stranger, event, app)

    (result,) = stage.received()
    assert result["type"] == "vservergroup.provisioned"
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_topic_that_is_missing_costs_no_servers_and_the_result_comes_later(
    staged: Staged,
) -> None:
    event = hook_event(5)
    stage = staged(event)

    with pytest.raises(Retryable) as caught:
        stage.deliver(event, stage.app(RESULT_TOPIC="nowhere"))

    assert caught.value.code == Code.PERMISSION_MISSING.value
    assert stage.hook() == ("Completed", "CONTINUE")
    stage.deliver(event)
    (result,) = stage.received()
    assert result["type"] == "vservergroup.provisioned"


def test_a_configuration_that_cannot_work_keeps_the_event(staged: Staged) -> None:
    stage = staged(OF_45)
    with pytest.raises(ConfigurationError, match="BACKEND_QUOTA"):
        stage.app(BACKEND_QUOTA="many")


def test_a_stale_eci_backend_is_replaced_by_the_successor_that_has_its_address(
    cloud: Cloud,
) -> None:
    event = builders.as_bytes(builders.hook_message(instanceIds=["eci-new"]))
    world = world_of(item for item in decode(event) if isinstance(item, Request))
    world.instances["eci-new"]["PrivateIpAddress"] = "10.0.0.9"
    world.scaling_groups["asg-0001"]["GroupType"] = "ECI"
    cloud.seed(**world.seed())
    stale = {"ServerId": "eci-gone", "Port": 8080, "Type": "eci", "ServerIp": "10.0.0.9"}
    cloud.seed(
        VServerGroups=[
            {
                "LoadBalancerId": LOAD_BALANCER,
                "VServerGroupName": "asg-0001",
                "BackendServers": [stale],
                "Tags": [{"Key": OWNER_TAG, "Value": "1"}],
            }
        ]
    )
    (binding,) = world.bindings.values()
    bound = {**binding, "Type": "eci", "Ports": [8080]}
    stage = Stage(cloud, world, environment(cloud.url, [bound]))

    (outcome,) = stage.deliver(event)["outcomes"]

    assert outcome["outcome"] == "provisioned"
    assert servers_of(stage.the_group()) == ["eci-new"]
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_hook_whose_binding_wants_network_interfaces_is_left_pending(cloud: Cloud) -> None:
    event = builders.as_bytes(builders.hook_message(instanceIds=["i-0001"]))
    world = world_of(item for item in decode(event) if isinstance(item, Request))
    world.instances["i-0001"]["PrivateIpAddress"] = "10.0.0.9"
    cloud.seed(**world.seed())
    (binding,) = world.bindings.values()
    stage = Stage(cloud, world, environment(cloud.url, [{**binding, "Type": "eni"}]))

    (outcome,) = stage.deliver(event)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("refused", "BindingUnfit")
    assert (stage.hook()[0], stage.groups()) == ("Pending", [])
