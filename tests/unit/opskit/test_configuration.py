"""Where opskit's commands find the function's variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opskit import configuration
from opskit.cloud import Cloud
from opskit.ending import UnusableError
from provisioner.ports import Credentials

CLOUD = Cloud("cn-hangzhou", "1000000000000001", Credentials("id", "secret"))
PLATFORM = {"FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1000000000000001"}
BINDINGS = [{"ScalingGroupId": "asg-1", "LoadBalancerId": "lb-1", "Ports": [80]}]


def read(path: Path, text: str, cloud: Cloud = CLOUD) -> dict[str, str]:
    path.write_text(text, encoding="utf-8")
    return configuration.environ(cloud, str(path), None)


def test_lines_are_read_as_a_shell_would(tmp_path: Path) -> None:
    text = "# mine\nexport RESULT_TOPIC=results\n\nBACKEND_PORTS = '80,81'\nOTHER=thing\n"
    assert read(tmp_path / ".env", text) == {
        **PLATFORM,
        "RESULT_TOPIC": "results",
        "BACKEND_PORTS": "80,81",
    }


def test_a_json_file_may_hold_bindings_as_what_they_are(tmp_path: Path) -> None:
    found = read(tmp_path / "a.json", json.dumps({"BINDINGS": BINDINGS, "BACKEND_QUOTA": 400}))
    assert json.loads(found["BINDINGS"]) == BINDINGS
    assert found["BACKEND_QUOTA"] == "400"


def test_a_file_of_bindings_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "bindings.json").write_text(json.dumps(BINDINGS), encoding="utf-8")
    found = read(tmp_path / ".env", "BINDINGS_FILE=bindings.json\nRESULT_TOPIC=results\n")
    assert "BINDINGS_FILE" not in found
    assert configuration.settings(found).config.bindings[0].load_balancer_id == "lb-1"


def test_a_file_of_bindings_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "bindings.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UnusableError, match=r"BINDINGS_FILE: .*bindings\.json: cannot be read"):
        read(tmp_path / ".env", "BINDINGS_FILE=bindings.json")


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(tmp_path / ".env", "\ufeffRESULT_TOPIC=results")["RESULT_TOPIC"] == "results"


def test_what_the_file_says_of_the_platform_comes_first(tmp_path: Path) -> None:
    assert read(tmp_path / ".env", "FC_REGION=cn-beijing")["FC_REGION"] == "cn-beijing"


def test_endpoints_of_the_command_replace_those_of_the_file(tmp_path: Path) -> None:
    cloud = Cloud("cn-hangzhou", "", CLOUD.credentials, {"slb": "http://127.0.0.1:1"})
    found = read(tmp_path / ".env", "SLB_ENDPOINT=slb.example\nESS_ENDPOINT=ess.example", cloud)
    assert found["SLB_ENDPOINT"] == "http://127.0.0.1:1"
    assert found["ESS_ENDPOINT"] == "ess.example"


def test_without_a_file_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESULT_TOPIC", "results")
    assert configuration.environ(CLOUD, None, None)["RESULT_TOPIC"] == "results"


@pytest.mark.parametrize(
    ("text", "why"), [("RESULT_TOPIC", ":1: is not NAME=value"), ("{", ": is not JSON")]
)
def test_a_file_that_cannot_be_read_as_such_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        read(tmp_path / "given", text)


def test_there_is_one_source_only(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="not both"):
        configuration.environ(CLOUD, str(tmp_path), "fn")
    with pytest.raises(UnusableError, match="cannot be read"):
        configuration.environ(CLOUD, str(tmp_path / "nowhere"), None)
