"""The keys of function roles: whose they are, how long they hold, what a fault does with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models
from mns.mns_exception import MNSServerException
from mns.topic import TopicMessage

Refused = Callable[..., tuple[str, int]]

LIST = models.DescribeVServerGroupsRequest(region_id="cn-hangzhou", load_balancer_id="lb-local")
CREATE = models.CreateVServerGroupRequest(
    region_id="cn-hangzhou", load_balancer_id="lb-local", vserver_group_name="web"
)


@pytest.fixture
def slb_as(sdk: Any) -> Callable[[Any], Any]:
    def client(key: Any) -> Any:
        return sdk.slb(
            access_key_id=key.access_key_id,
            access_key_secret=key.access_key_secret,
            security_token=key.security_token,
        )

    return client


def test_the_journal_knows_a_function_by_its_keys(
    served: Any, control: Any, slb_as: Any, sdk: Any
) -> None:
    key = served.cloud.roles.credentials("svc/fn", "c-1")
    slb_as(key).describe_vserver_groups(LIST)
    account = sdk.mns(
        key.access_key_id,
        access_key_secret=key.access_key_secret,
        security_token=key.security_token,
    )
    account.get_topic("scaling-events").publish_message(TopicMessage("m"))
    assert [entry["caller"] for entry in control.journal()] == ["svc/fn", "svc/fn"]
    (shown,) = control.state()["RoleKeys"]
    assert (shown["AccessKeyId"], shown["Caller"]) == (key.access_key_id, "svc/fn")
    assert key.access_key_secret not in str(control.state())


def test_each_function_and_each_instance_has_keys_of_its_own(served: Any) -> None:
    roles = served.cloud.roles
    places = [("a", "c-1"), ("a", "c-2"), ("b", "c-1")]
    ids = {roles.credentials(*place).access_key_id for place in places}
    assert len(ids) == 3
    assert roles.credentials("a", "c-1").access_key_id in ids


def test_keys_are_renewed_hourly_and_the_old_ones_hold_until_they_expire(
    served: Any, control: Any, slb_as: Any, refused: Refused
) -> None:
    roles = served.cloud.roles
    old = roles.credentials("fn")
    control.advance(3601)
    new = roles.credentials("fn")
    assert new.access_key_id != old.access_key_id
    for key in (old, new):
        slb_as(key).describe_vserver_groups(LIST)
    control.advance(36 * 3600 - 3601)
    slb_as(new).describe_vserver_groups(LIST)
    expired = refused(slb_as(old).describe_vserver_groups, LIST)
    assert expired == ("InvalidSecurityToken.Expired", 400)


def test_mns_says_that_a_token_has_expired_too(served: Any, control: Any, sdk: Any) -> None:
    key = served.cloud.roles.credentials("fn")
    control.advance(36 * 3600)
    account = sdk.mns(
        key.access_key_id,
        access_key_secret=key.access_key_secret,
        security_token=key.security_token,
    )
    with pytest.raises(MNSServerException) as caught:
        account.get_topic("scaling-events").publish_message(TopicMessage("m"))
    assert caught.value.type == "InvalidSecurityToken.Expired"


def test_a_reset_makes_the_keys_strangers(
    served: Any, control: Any, slb_as: Any, refused: Refused
) -> None:
    key = served.cloud.roles.credentials("fn")
    control.send("POST", "/_cloud/reset")
    code = refused(slb_as(key).describe_vserver_groups, LIST)[0]
    assert code == "InvalidAccessKeyId.NotFound"


@pytest.mark.parametrize("commit", [False, True])
def test_a_function_is_cut_off_at_a_named_call_before_or_after_its_write(
    served: Any, control: Any, slb_as: Any, commit: bool
) -> None:
    control.fault(kind="crash_caller", action="CreateVServerGroup", commit=commit)
    slb = slb_as(served.cloud.roles.credentials("fn", "c-1"))
    slb.describe_vserver_groups(LIST)
    with pytest.raises(Exception, match="Connection reset by peer"):
        slb.create_vserver_group(CREATE)
    assert len(control.state()["VServerGroups"]) == commit
    assert control.journal()[-1]["fault"] == "crash_caller"


def test_a_crash_is_for_functions_only(control: Any, slb: Any) -> None:
    control.fault(kind="crash_caller")
    slb.create_vserver_group(CREATE)
    assert control.state()["Faults"][0]["fired"] == 0
