"""`deploy/config.yml`, read: every problem is named, whatever stands in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from opskit.deploy.config import Config, UnfitConfigError, read

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b"}
NEEDED = {"LoadBalancerId": "lb-1", "ScalingGroupId": "asg-1"}
FIT = {
    "StackName": "provisioner",
    "RegionId": "cn-hangzhou",
    "CodeBucket": "code-of-mine",
    "Runtime": "python3.10",
    "Parameters": NEEDED,
}


def reading(folder: Path, text: str | bytes) -> Config:
    file = folder / "config.yml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(file, KEYS)


def problems(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(UnfitConfigError) as caught:
        reading(folder, text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"StackName": None}, "StackName is missing"),
        ({"CodeBucket": 123}, "CodeBucket must be a text that matches"),
        ({"Runtime": ["python3.10"]}, "Runtime must be one of python3.10, python3.12"),
        ({"Generation": [2]}, "Generation must be 3 or 2"),
        ({"Generation": True}, "Generation must be 3 or 2"),
        ({"Parameters": 5}, "Parameters must be a mapping"),
        ({"Endpoints": 5}, "Endpoints must be a mapping of OSS, ROS"),
        ({"Endpoints": {1: "here"}}, "Endpoints/1 is none of OSS, ROS"),
        ({"Endpoints": {"ROS": None}}, "Endpoints/ROS must be a host or a URL"),
        ({"Endpoints": {"OSS": "https://here/path"}}, "Endpoints/OSS must be a host or a URL"),
        ({1: 2, "Region": 3}, "1 is not a key of this file"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_it_must_be(
    tmp_path: Path, changes: dict[Any, Any], problem: str
) -> None:
    found = problems(tmp_path, yaml.safe_dump({**FIT, **changes}, sort_keys=False))
    assert any(each.startswith(problem) for each in found), found


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LoadBalancerId", None, "must have one value"),
        ("BackendPorts", [8080, 8443], "must have one value"),
        ("SweepEnabled", "maybe", "must be one of true, false"),
        ("FunctionTimeout", 90.5, "must be a whole number"),
        ("FunctionTimeout", True, "must be a number"),
        ("FunctionTimeout", "nan", "must be from 60 to 600"),
        ("CodeKey", "mine.zip", "is filled in by the deployment"),
        ("Nobody", 1, "is not in the template"),
        (1, 1, "is not in the template"),
    ],
)
def test_a_parameter_that_the_template_does_not_take_is_named(
    tmp_path: Path, name: Any, value: Any, problem: str
) -> None:
    document = {**FIT, "Parameters": {**NEEDED, name: value}}
    found = problems(tmp_path, yaml.safe_dump(document, sort_keys=False))
    assert any(each.startswith(f"Parameters/{name} {problem}") for each in found), found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("StackName: ä".encode("latin-1"), "cannot be read as a text file in UTF-8"),
        ("StackName: provisioner\nParameters: [1\n", "is no YAML, line 3"),
        ("StackName: \x00", "is no YAML"),
        ("- StackName", "is no YAML mapping"),
        ("", "is no YAML mapping"),
    ],
)
def test_of_a_file_that_cannot_be_read_nothing_else_is_said(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    (found,) = problems(tmp_path, text)
    assert problem in found


def test_a_file_that_is_not_there_is_said_how_to_come_by(tmp_path: Path) -> None:
    with pytest.raises(UnfitConfigError, match=r"copy deploy/config\.example\.yml"):
        read(tmp_path / "nowhere.yml", KEYS)


@pytest.mark.parametrize("endpoint", ["ros.example.com", "http://127.0.0.1:8900", "https://ros/"])
def test_an_endpoint_is_a_host_or_a_url(tmp_path: Path, endpoint: str) -> None:
    found = reading(tmp_path, yaml.safe_dump({**FIT, "Endpoints": {"ROS": endpoint}}))
    assert found.endpoints == {"ROS": endpoint}


def test_parameters_reach_the_api_as_the_texts_that_it_takes(tmp_path: Path) -> None:
    given = {**NEEDED, "Pause": True, "SweepEnabled": False, "BackendPorts": 8080, "Cpu": 0.5}
    found = reading(tmp_path, yaml.safe_dump({**FIT, "Parameters": given}))
    wanted = {"Pause": "on", "SweepEnabled": "false", "BackendPorts": "8080", "Cpu": "0.5"}
    assert found.parameters == {**NEEDED, **wanted}
