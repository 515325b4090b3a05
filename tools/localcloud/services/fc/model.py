"""What a function is, before anything of it runs: plain data, that seeds write and copies share.

A function is named `name` (generation 3) or `service/name` (generation 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

LATEST = "LATEST"


@dataclass(frozen=True)
class AsyncConfig:
    retries: int = 3  # doc
    longest_age: float = 86400  # doc: seconds
    on_success: str = ""
    on_failure: str = ""


@dataclass(frozen=True)
class HttpTrigger:
    auth_type: str = "anonymous"
    methods: tuple[str, ...] = ()  # any, if none is named


@dataclass(frozen=True)
class Function:
    name: str
    code: str  # the path of a folder or of a zip file
    handler: str
    runtime: str
    initializer: str = ""
    pre_stop: str = ""
    interpreter: str = ""  # a path, in the place of the one that is found for the runtime
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 3  # doc: seconds
    initialization_timeout: int = 60  # doc: at most 300; the default is emulator-only
    pre_stop_timeout: int = 30  # doc: at most 90; the default is emulator-only
    memory_size: int = 512
    instance_limit: int = 10
    idle_seconds: float = 300
    asynchronous: AsyncConfig = AsyncConfig()
    http_trigger: HttpTrigger | None = None

    @property
    def service(self) -> str:
        """Empty in generation 3."""
        return self.name.rpartition("/")[0]

    @property
    def short_name(self) -> str:
        return self.name.rpartition("/")[2]

    def arn(self, region: str, account: str) -> str:
        # Generation 3's is likely, not documented.
        service = f"services/{self.service}.{LATEST}/" if self.service else ""
        return f"acs:fc:{region}:{account}:{service}functions/{self.short_name}"

    def describe(self) -> dict[str, Any]:
        trigger = self.http_trigger
        return {
            "FunctionName": self.name,
            "Code": self.code,
            "Handler": self.handler,
            "Runtime": self.runtime,
            "Timeout": self.timeout,
            "MemorySize": self.memory_size,
            "InstanceLimit": self.instance_limit,
            "IdleSeconds": self.idle_seconds,
            "Variables": sorted(self.variables),  # their values may be secrets
            "AsyncConfig": asdict(self.asynchronous),
            "HttpTrigger": asdict(trigger) if trigger else None,
        }


def not_found(name: str) -> ApiError:
    message = f"function '{name}' does not exist"
    return ApiError(HTTPStatus.NOT_FOUND, "FunctionNotFound", message)  # seen


def invalid(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)  # doc
