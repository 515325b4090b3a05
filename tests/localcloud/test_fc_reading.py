"""GetFunction and ListTriggers, as opskit and deployment tools read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions import Functions
from localcloud.worlds import ACCOUNT


@pytest.fixture
def client(functions: Functions, sdk: Any) -> Any:  # noqa: ARG001 - functions end with the test
    from alibabacloud_fc20230330.client import Client  # noqa: PLC0415 - slow

    return Client(sdk.config())


def test_a_function_is_told_as_it_was_seeded(client: Any, functions: Functions) -> None:
    from alibabacloud_fc20230330 import models  # noqa: PLC0415 - slow

    settings: dict[str, Any] = {"Timeout": 77, "Initializer": "index.initialize", "MemorySize": 256}
    functions.register(EnvironmentVariables={"NAME": "value"}, **settings)
    told = client.get_function("fn", models.GetFunctionRequest()).body
    assert (told.function_name, told.timeout, told.memory_size) == ("fn", 77, 256)
    assert told.environment_variables == {"NAME": "value"}
    assert told.instance_lifecycle_config.initializer.handler == "index.initialize"
    assert told.function_arn.endswith(":functions/fn")


def test_triggers_are_those_of_the_function(
    client: Any, functions: Functions, control: Any
) -> None:
    from alibabacloud_fc20230330 import models  # noqa: PLC0415 - slow

    functions.register()
    functions.register(name="other")
    arn = f"acs:mns:cn-hangzhou:{ACCOUNT}:/topics/scaling-events"
    row = {"TriggerName": "t", "TriggerType": "mns_topic", "SourceArn": arn}
    config = {"notifyContentFormat": "JSON"}
    for name in ("fn", "other"):
        control.seed(Triggers=[{**row, "FunctionName": name, "TriggerConfig": config}])
    (told,) = client.list_triggers("fn", models.ListTriggersRequest()).body.triggers
    assert (told.trigger_name, told.trigger_type, told.source_arn) == ("t", "mns_topic", arn)
    assert json.loads(told.trigger_config) == config


def test_a_stranger_and_a_missing_function_are_refused(
    client: Any, functions: Functions, refused: Any
) -> None:
    from alibabacloud_fc20230330 import models  # noqa: PLC0415 - slow

    missing = refused(client.get_function, "nobody", models.GetFunctionRequest())
    assert missing == ("FunctionNotFound", 404)
    functions.register()
    assert functions.send("GET", "/2023-03-30/functions/fn").status == 400
