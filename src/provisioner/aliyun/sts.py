"""Security Token Service, API 2015-04-01: a role of another account, whose load balancers are used.

By the part that the Tea SDKs share: one operation needs no package of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params

from provisioner.errors import Code, Retryable
from provisioner.ports import Clock, Credentials

from .client import Connection, SdkClient
from .error_mapping import Operation, Rule, configuration_error

SESSION_NAME = "vservergroup-provisioner"  # what the other account's audit trail shows

_ASSUME = Operation("AssumeRole", writes=False)
_ARN = configuration_error("let SLB_ROLE_ARN name a role that is there")
_RULES = (
    Rule("EntityNotExist*", _ARN),
    Rule("InvalidParameter*", _ARN),
    Rule("MissingParameter*", _ARN),
)
_PARAMS = Params(
    action="AssumeRole",
    version="2015-04-01",
    protocol="HTTPS",  # the configuration's own comes first
    pathname="/",
    method="POST",
    auth_type="AK",
    style="RPC",
    req_body_type="formData",
    body_type="json",
)

# Asked right before a call about a claim, once nobody else is asking: what its owner sends at HOLD
# + twice this has still taken effect before the lease ends (core.lease).
_SECONDS = 4.0
_DURATION = 3600  # seconds: the longest that every role allows, unless it says otherwise
_AHEAD = 300.0  # seconds before they expire, keys are replaced


@dataclass(frozen=True, slots=True)
class _Request:
    region_id: str


@dataclass(frozen=True, slots=True)
class _Body:
    told: dict[str, Any]

    @property
    def request_id(self) -> Any:
        return self.told.get("RequestId")


@dataclass(frozen=True, slots=True)
class _Response:
    status_code: int
    headers: dict[str, str]
    body: _Body


@dataclass(slots=True)
class AssumedRole:
    """A `CredentialsSource`: temporary keys, assumed anew shortly before they expire. `connection`
    knows the function's own."""

    connection: Connection
    role_arn: str
    region_id: str
    clock: Clock
    _keys: Credentials | None = None
    _until: float = 0.0
    _lock: Lock = field(default_factory=Lock)
    _api: SdkClient[Any] = field(init=False)

    def __post_init__(self) -> None:
        self._api = SdkClient(Client, self.connection, _RULES)

    def __call__(self) -> Credentials:
        """Raises `Retryable`; whoever asked has sent nothing yet."""
        if not self._lock.acquire(timeout=_SECONDS):
            raise Retryable(Code.NO_ANSWER, "AssumeRole: others wait for its answer already")
        try:
            if self._keys is None or self.clock.now() >= self._until:
                asked_at = self.clock.now()
                self._keys, lifetime = self._assume()
                self._until = asked_at + lifetime - _AHEAD
            return self._keys
        finally:
            self._lock.release()

    def _assume(self) -> tuple[Credentials, float]:
        return self._api.call(_ASSUME, self._send, _Request(self.region_id), _read, _SECONDS)

    def _send(self, client: Any, _request: Any, options: Any) -> _Response:
        query = {
            "RoleArn": self.role_arn,
            "RoleSessionName": SESSION_NAME,
            "DurationSeconds": str(_DURATION),
        }
        told = client.call_api(_PARAMS, OpenApiRequest(query=query), options)
        return _Response(told["statusCode"], told["headers"], _Body(told["body"]))


def _read(response: _Response) -> tuple[Credentials, float]:
    """With the seconds that they hold for, by the clock of who issued them."""
    given = response.body.told["Credentials"]
    keys = Credentials(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])
    expires = datetime.fromisoformat(given["Expiration"].replace("Z", "+00:00"))
    issued = parsedate_to_datetime(response.headers["date"])
    return keys, (expires - issued).total_seconds()
