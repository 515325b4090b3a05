"""The Date header of answers that is ahead of the cloud's clock, or behind it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from alibabacloud_ess20220222 import models as ess_models
from alibabacloud_slb20140515 import models

LIST = models.DescribeVServerGroupsRequest(region_id="cn-hangzhou", load_balancer_id="lb-local")
GROUPS = ess_models.DescribeScalingGroupsRequest(region_id="cn-hangzhou")


def skew(control: Any, headers: dict[str, str]) -> float:
    """In whole minutes, which a slow test does not change."""
    date = parsedate_to_datetime(headers["date"]).timestamp()
    now: float = control.send("GET", "/_cloud/health").json["now"]
    return round((date - now) / 60) * 60


def test_the_date_of_one_service_is_ahead_and_that_of_another_is_not(
    control: Any, slb: Any, ess: Any
) -> None:
    control.change("settings", DateSkew={"ess": 25200})
    assert skew(control, ess.describe_scaling_groups(GROUPS).headers) == 25200
    assert skew(control, slb.describe_vserver_groups(LIST).headers) == 0


def test_dates_differ_from_answer_to_answer(control: Any, slb: Any) -> None:
    control.seed(Settings={"DateSkew": {"slb": [-60, 0, 60]}})
    found = [skew(control, slb.describe_vserver_groups(LIST).headers) for _ in range(4)]
    assert found == [-60, 0, 60, -60]


def test_a_skew_moves_nothing_but_the_header(control: Any, slb: Any) -> None:
    control.change("settings", DateSkew={"slb": 3600})
    before = control.state()["Clock"]["now"]
    slb.describe_vserver_groups(LIST)
    assert control.state()["Clock"]["now"] - before < 60
    assert control.change("settings", DateSkew={})["DateSkew"] == {}
    assert skew(control, slb.describe_vserver_groups(LIST).headers) == 0


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"dns": 1}, "/DateSkew"),
        ({"slb": "1"}, "/DateSkew/slb"),
        ({"slb": []}, "/DateSkew/slb"),
    ],
)
def test_a_mistake_in_a_skew_is_refused_by_its_pointer(
    control: Any, given: dict[str, Any], path: str
) -> None:
    answer = control.send("POST", "/_cloud/settings", {"DateSkew": given})
    assert answer.status == 400
    assert answer.json["error"]["problems"][0]["path"] == path
