"""Security Token Service, API 2015-04-01: assumes a role of the account of the load balancers.

It uses the core that the SDKs share: one operation needs no package of its own.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from types import SimpleNamespace
from typing import Any

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params

from provisioner.errors import Code, Retryable
from provisioner.ports import Clock, Credentials

from .client import Connection, SdkClient
from .error_mapping import Operation, Rule, configuration_error

SESSION_NAME = "vservergroup-provisioner"  # shown in the audit trail of the other account

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
    protocol="HTTPS",  # that of the endpoint takes precedence
    pathname="/",
    method="POST",
    auth_type="AK",
    style="RPC",
    req_body_type="formData",
    body_type="json",
)

# A call about a claim asks for credentials right before it is sent, and may first wait for another
# thread that asks. A call that its owner sends STOP_WRITING_AFTER + twice this after the claim has
# still taken effect before the lease ends (groups.lease).
ASSUME_SECONDS = 4.0
_DURATION = 3600  # seconds: the default maximum of a role
_RENEW_BEFORE = 300.0  # seconds before the credentials expire


class AssumedRole:
    """A `CredentialsSource` with temporary credentials, which it renews before they expire.

    `connection` has the function's own credentials. `seconds` is the time for a call of
    AssumeRole, and for a thread to wait for that of another thread.
    """

    def __init__(
        self,
        connection: Connection,
        role_arn: str,
        region_id: str,
        clock: Clock,
        *,
        seconds: float = ASSUME_SECONDS,
    ) -> None:
        self._api: SdkClient[Client] = SdkClient(Client, connection, _RULES)
        self._role_arn = role_arn
        self._region_id = region_id
        self._clock = clock
        self._seconds = seconds
        self._lock = Lock()
        self._credentials: Credentials | None = None
        self._renew_at = 0.0

    def __call__(self) -> Credentials:
        """Return the credentials. Raises Rejected or Retryable; the caller has sent nothing."""
        if not self._lock.acquire(timeout=self._seconds):
            raise Retryable(Code.NO_ANSWER, "AssumeRole: others wait for its answer already")
        try:
            asked_at = self._clock.now()
            if self._credentials is None or asked_at >= self._renew_at:
                self._credentials, lifetime = self._assume()
                self._renew_at = asked_at + lifetime - _RENEW_BEFORE
            return self._credentials
        finally:
            self._lock.release()

    def _assume(self) -> tuple[Credentials, float]:
        request = SimpleNamespace(region_id=self._region_id)
        return self._api.call(_ASSUME, self._send, request, _read, self._seconds)

    def _send(self, client: Client, _request: Any, options: Any) -> Any:
        query = {
            "RoleArn": self._role_arn,
            "RoleSessionName": SESSION_NAME,
            "DurationSeconds": str(_DURATION),
        }
        answer = client.call_api(_PARAMS, OpenApiRequest(query=query), options)
        body = SimpleNamespace(
            request_id=answer["body"]["RequestId"], credentials=answer["body"]["Credentials"]
        )
        return SimpleNamespace(
            status_code=answer["statusCode"], headers=answer["headers"], body=body
        )


def _read(response: Any) -> tuple[Credentials, float]:
    """Return the credentials and the seconds for which they are valid, by the clock of STS."""
    given = response.body.credentials
    keys = Credentials(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])
    expires = datetime.fromisoformat(given["Expiration"].replace("Z", "+00:00"))
    issued = parsedate_to_datetime(response.headers["date"])
    return keys, (expires - issued).total_seconds()
