"""Reads the configuration from environment variables, once, and reports every problem at once.

`VARIABLES` declares each variable. A test compares the README's table with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigurationError, Problem
from .groups.lease import MAX_CALL_SECONDS
from .mapping import document
from .mapping.config import DeploymentConfig, parse_bindings
from .model import Binding, SweepMode

_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+\Z")  # a region becomes part of host names
_ROLE = re.compile(r"acs:ram::[0-9]+:role/[A-Za-z0-9.-]{1,64}\Z")
_MNS_NAME = re.compile(r"[A-Za-z0-9-]{1,120}\Z")  # a name of a topic or queue (doc)


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    A variable of the single binding has the `key` of the bindings schema that it sets, and `parse`
    turns its text into a value that the schema can check.
    """

    name: str
    default: str
    meaning: str
    key: str = ""
    parse: Callable[[str], Any] = str


def _split_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parse_ports(text: str) -> list[object]:
    return [document.parse_whole_number(part) for part in _split_list(text)]


def _parse_switch(text: str) -> bool | str:
    return {"on": True, "off": False}.get(text.strip().lower(), text)


_parse_number = document.parse_whole_number

VARIABLES = (
    Variable("RESULT_TOPIC", "", "MNS topic that results are published to; required"),
    Variable("DEAD_LETTER_QUEUE", "", "MNS queue for refused and failed events; empty: none"),
    Variable("REGION_ID", "FC_REGION", "region of a request that names no region"),
    Variable("REGIONS", "", "more regions that a message may name, separated by commas"),
    Variable("BINDINGS", "", "list of bindings in JSON"),
    Variable("BINDINGS_FILE", "", "file that holds this list; its path is relative to the code"),
    Variable("SCALING_GROUP_ID", "", "single binding: scaling group", "ScalingGroupId"),
    Variable("LOAD_BALANCER_ID", "", "single binding: load balancer", "LoadBalancerId"),
    Variable(
        "BACKEND_PORTS",
        "",
        "single binding: ports, for example 8080 or 8080,8443",
        "Ports",
        _parse_ports,
    ),
    Variable(
        "BACKEND_WEIGHT",
        "100",
        "single binding: Weight of new backends, 0 to 100",
        "Weight",
        _parse_number,
    ),
    Variable(
        "BACKEND_TYPE",
        "ecs",
        "single binding: Type: ecs, eci, or eni if requests name eni-…",
        "Type",
    ),
    Variable("BACKEND_DESCRIPTION", "", "single binding: Description of backends", "Description"),
    Variable(
        "VSERVER_GROUP_NAME",
        "{scaling_group_id}",
        "single binding: template of the name",
        "VServerGroupName",
    ),
    Variable(
        "FAILURE_RESULT",
        "ABANDON",
        "single binding: answer to a scale-out hook that fails",
        "FailureResult",
    ),
    Variable(
        "SCALE_IN_FAILURE_RESULT",
        "CONTINUE",
        "single binding: the same for a scale-in hook",
        "ScaleInFailureResult",
    ),
    Variable(
        "DRAIN",
        "0",
        "single binding: seconds at weight 0 before servers are removed",
        "Drain",
        _parse_number,
    ),
    Variable(
        "DELETE_EMPTY",
        "off",
        "single binding: on deletes a group when a scale-in removes its last backend; "
        "only with a name for each event",
        "DeleteEmpty",
        _parse_switch,
    ),
    Variable(
        "ON_PAUSE",
        "wait",
        "single binding: what PAUSE does with a hook: wait, CONTINUE or ABANDON",
        "OnPause",
    ),
    Variable(
        "ON_PARTIAL",
        "continue",
        "single binding: if CLB rejects some backends: continue (add the rest) or fail",
        "OnPartial",
    ),
    Variable(
        "METADATA_MAY_OVERRIDE",
        "",
        "single binding: keys that a hook's NotificationMetadata may set",
        "MetadataMayOverride",
        _split_list,
    ),
    Variable("BACKEND_QUOTA", "200", "number of backends that one load balancer may hold"),
    Variable(
        "CONCURRENCY",
        "8",
        "items of a batch, or groups of a hook, on different load balancers handled at once",
    ),
    Variable(
        "CIRCUIT_BREAKER",
        "3",
        "after this many ABANDONs in a row, a failure is answered CONTINUE; 0: never",
    ),
    Variable(
        "UNBOUND_HOOKS",
        "refuse",
        "skip: leave hooks without a binding to other consumers of a topic",
    ),
    Variable(
        "MERGE_FOREIGN",
        "off",
        "on: OnExisting merge may change groups that others created and that no binding names",
    ),
    Variable("PAUSE", "off", "on: write nothing, keep events, treat hooks as OnPause says"),
    Variable("SWEEP", "report", "the most that a timer's tick may do: off, report or apply"),
    Variable(
        "CLAIM", "on", "off: create groups without a claim; only with a reserved concurrency of 1"
    ),
    Variable("SLB_ROLE_ARN", "", "role to assume for load balancers of another account"),
    Variable("NETWORK", "public", "vpc: use endpoints inside the VPC; Auto Scaling has none there"),
    Variable("SLB_ENDPOINT", "by region", "host or URL of the load balancer API"),
    Variable("ESS_ENDPOINT", "by region", "host or URL of the Auto Scaling API"),
    Variable("MNS_ENDPOINT", "by account and region", "URL of the message service"),
    Variable("STS_ENDPOINT", "by region", "host or URL of the token service, for SLB_ROLE_ARN"),
    Variable("REQUEST_TIMEOUT", "8", "timeout of one API call in seconds, at most 8"),
    Variable("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
)

_BINDING_VARIABLES = tuple(variable for variable in VARIABLES if variable.key)
_DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
# The default endpoints. Without one, the SDK of the load balancer chooses: many regions share a
# host. ESS has no endpoint inside a VPC (sdk), and the message service has no TLS there.
_PUBLIC = {
    "SLB_ENDPOINT": "",
    "MNS_ENDPOINT": "https://{account}.mns.{region_id}.aliyuncs.com",
    "STS_ENDPOINT": "sts.{region_id}.aliyuncs.com",
}
_IN_VPC = {
    "SLB_ENDPOINT": "slb-vpc.{region_id}.aliyuncs.com",
    "MNS_ENDPOINT": "http://{account}.mns.{region_id}-internal-vpc.aliyuncs.com",
    "STS_ENDPOINT": "sts-vpc.{region_id}.aliyuncs.com",
}


@dataclass(frozen=True, slots=True)
class Settings:
    config: DeploymentConfig
    result_topic: str
    dead_letter_queue: str
    concurrency: int
    slb_role_arn: str
    slb_endpoint: str
    ess_endpoint: str
    mns_endpoint: str
    sts_endpoint: str
    request_timeout: float
    log_level: str

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], read_file: Callable[[str], str] | None = None
    ) -> Settings:
        """Read the settings. Raises `ConfigurationError` with every problem.

        `read_file` reads BINDINGS_FILE and may raise OSError.
        """
        reader = _Reader({k: v for k, v in environ.items() if v.strip()}, read_file)
        settings = reader.read()
        if reader.problems:
            raise ConfigurationError(
                "; ".join(f"{p.path}: {p.message}" for p in reader.problems),
                problems=reader.problems,
            )
        return settings


class _Reader:
    """Reads one variable after another and collects the problems."""

    def __init__(self, environ: Mapping[str, str], read_file: Callable[[str], str] | None) -> None:
        self.problems: list[Problem] = []
        self._environ = environ
        self._read_file = read_file

    def read(self) -> Settings:
        region_id = self._read_region_id()
        config = DeploymentConfig(
            region_id=region_id,
            regions=self._read_regions(),
            bindings=self._read_bindings(),
            backend_quota=int(self._read_number("BACKEND_QUOTA", 1, 100_000)),
            claiming=self._read_switch("CLAIM"),
            circuit_breaker=int(self._read_number("CIRCUIT_BREAKER", 0, 10)),
            skip_unbound_hooks=self._read_choice("UNBOUND_HOOKS", "refuse", "skip") == "skip",
            merge_foreign=self._read_switch("MERGE_FOREIGN"),
            paused=self._read_switch("PAUSE"),
            sweep=SweepMode(self._read_choice("SWEEP", *(mode.value for mode in SweepMode))),
        )
        endpoints = _IN_VPC if self._read_choice("NETWORK", "public", "vpc") == "vpc" else _PUBLIC
        return Settings(
            config=config,
            result_topic=self._read_name("RESULT_TOPIC", required=True),
            dead_letter_queue=self._read_name("DEAD_LETTER_QUEUE"),
            concurrency=int(self._read_number("CONCURRENCY", 1, 64)),
            slb_role_arn=self._read_role_arn(),
            slb_endpoint=self._environ.get("SLB_ENDPOINT", endpoints["SLB_ENDPOINT"]),
            ess_endpoint=self._environ.get("ESS_ENDPOINT", ""),
            mns_endpoint=self._read_mns_endpoint(region_id, endpoints["MNS_ENDPOINT"]),
            sts_endpoint=self._environ.get("STS_ENDPOINT", endpoints["STS_ENDPOINT"]),
            request_timeout=self._read_number("REQUEST_TIMEOUT", 0.1, MAX_CALL_SECONDS),
            log_level=self._read_choice("LOG_LEVEL", "DEBUG", "INFO", "WARNING", "ERROR"),
        )

    def _add_problem(self, name: str, message: str) -> None:
        self.problems.append(Problem(name, message))

    def _read_region_id(self) -> str:
        region_id = self._environ.get("REGION_ID") or self._environ.get("FC_REGION", "")
        if not region_id:
            self._add_problem("REGION_ID", "is required where Function Compute gives no FC_REGION")
        elif not _REGION.match(region_id):
            self._add_problem("REGION_ID", "must be a region like cn-hangzhou")
        return region_id

    def _read_regions(self) -> frozenset[str]:
        regions = _split_list(self._environ.get("REGIONS", ""))
        if not all(map(_REGION.match, regions)):
            self._add_problem("REGIONS", "must be regions like cn-hangzhou,cn-beijing")
        return frozenset(regions)

    def _read_name(self, name: str, *, required: bool = False) -> str:
        value = self._environ.get(name, "")
        if required and not value:
            self._add_problem(name, "is required")
        elif value and not _MNS_NAME.match(value):
            self._add_problem(name, "must be 1 to 120 letters, digits or hyphens")
        return value

    def _read_switch(self, name: str) -> bool:
        return self._read_choice(name, "on", "off") == "on"

    def _read_choice(self, name: str, *choices: str) -> str:
        value = self._environ.get(name, _DEFAULTS[name])
        by_lower_case = {choice.lower(): choice for choice in choices}
        if value.lower() not in by_lower_case:
            self._add_problem(name, f"must be one of {', '.join(choices)}")
        return by_lower_case.get(value.lower(), _DEFAULTS[name])

    def _read_number(self, name: str, least: float, most: float) -> float:
        try:
            value = float(self._environ.get(name, _DEFAULTS[name]))
        except ValueError:
            value = float("nan")
        if least <= value <= most:
            return value
        self._add_problem(name, f"must be a number from {least:g} to {most:g}")
        return least

    def _read_role_arn(self) -> str:
        arn = self._environ.get("SLB_ROLE_ARN", "")
        if arn and not _ROLE.match(arn):
            self._add_problem(
                "SLB_ROLE_ARN", "must be the ARN of a role: acs:ram::{account}:role/{name}"
            )
        return arn

    def _read_mns_endpoint(self, region_id: str, default: str) -> str:
        endpoint = self._environ.get("MNS_ENDPOINT", "")
        account = self._environ.get("FC_ACCOUNT_ID", "")
        if not endpoint and not account:
            self._add_problem("MNS_ENDPOINT", "is required where there is no FC_ACCOUNT_ID")
        if endpoint and not endpoint.startswith(("http://", "https://")):
            self._add_problem("MNS_ENDPOINT", "must be a URL: http://… or https://…")
        # The SDK accepts no path, not even a slash at the end.
        return endpoint.rstrip("/") or default.format(account=account, region_id=region_id)

    def _read_bindings(self) -> tuple[Binding, ...]:
        """Read the bindings from the only one of three places that has any."""
        lists = [name for name in ("BINDINGS", "BINDINGS_FILE") if name in self._environ]
        single = [variable for variable in _BINDING_VARIABLES if variable.name in self._environ]
        if len(lists) + bool(single) > 1:
            places = ", ".join([*lists, *(variable.name for variable in single[:1])])
            self._add_problem(places, "give the bindings in one of these places only")
            return ()
        if single:
            return self._read_single_binding(single)
        return self._read_binding_list(lists[0]) if lists else ()

    def _read_single_binding(self, variables: Sequence[Variable]) -> tuple[Binding, ...]:
        element = {each.key: each.parse(self._environ[each.name]) for each in variables}
        bindings, problems = parse_bindings([element])
        names = {variable.key: variable.name for variable in _BINDING_VARIABLES}
        for problem in problems:
            key = problem.path.split("/")[2]
            self._add_problem(names[key], problem.message.replace(key, names[key], 1))
        return bindings

    def _read_binding_list(self, name: str) -> tuple[Binding, ...]:
        text = self._environ[name]
        try:
            if name == "BINDINGS_FILE":
                assert self._read_file is not None
                text = self._read_file(text)
            value = json.loads(text)
        except OSError as error:
            self._add_problem(name, f"cannot be read: {error.strerror}")
            return ()
        except (ValueError, RecursionError):
            self._add_problem(name, "is not JSON in UTF-8")
            return ()
        bindings, problems = parse_bindings(value)
        for problem in problems:
            self._add_problem(f"{name}{problem.path}", problem.message)
        return bindings
