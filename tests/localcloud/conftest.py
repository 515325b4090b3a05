"""A fresh cloud for each test, and the real SDKs to speak to it."""

from __future__ import annotations

import http.client
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from alibabacloud_ess20220222.client import Client as EssClient
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi.client import Client as AnyClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from mns.account import Account
from mns.queue import Message

from functions import PATIENCE, Functions, until
from localcloud.server import Running, running
from localcloud.wire import hmac_sha1, mns_auth
from localcloud.wire.message import HttpRequest
from recorder import QUEUE, Recorder
from seen import Codes, Watched

REGION = "cn-hangzhou"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Control:
    """The control endpoint, and plain HTTP for what no SDK would send."""

    url: str

    def send(
        self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        raw = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        with closing(connection):
            connection.request(method, target, raw, headers or {})
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())

    def seed(self, **sections: Any) -> None:
        answer = self.send("POST", "/_cloud/seed", sections)
        assert answer.status == 200, answer.body

    def fault(self, **rule: Any) -> None:
        answer = self.send("POST", "/_cloud/faults", [rule])
        assert answer.status == 200, answer.body

    def change(self, path: str, **document: Any) -> Any:
        """Turns a knob of the control endpoint."""
        answer = self.send("POST", f"/_cloud/{path}", document)
        assert answer.status == 200, answer.body
        return answer.json

    def struck(self) -> None:
        """Returns when the only rule has."""
        until(lambda: self.state()["Faults"][0]["fired"] == 1)

    def advance(self, seconds: float) -> None:
        assert self.send("POST", "/_cloud/clock", {"advance": seconds}).status == 200

    def state(self) -> Any:
        return self.send("GET", "/_cloud/state").json

    def journal(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.send("GET", "/_cloud/journal").json["entries"]
        return entries

    def news(self, after: int = 0) -> list[dict[str, Any]]:
        """The entries of the journal after that one, once there are any."""
        target = f"/_cloud/journal?after={after}&wait={PATIENCE / 2}"
        entries: list[dict[str, Any]] = self.send("GET", target).json["entries"]
        return entries

    def v1(self, method: str = "GET", *, form: bool = False, **parameters: str) -> Answer:
        """An RPC call as version 1 of the signature has it: all in the query or in a form."""
        pairs = {**signing(), **parameters}
        signature = hmac_sha1.sign(method, pairs.items(), "localcloud-secret")
        text = urlencode({**pairs, "Signature": signature})
        if form:
            media = {"content-type": "application/x-www-form-urlencoded"}
            return self.send(method, "/", text, media)
        return self.send(method, f"/?{text}")


def signing(**changed: str) -> dict[str, str]:
    now = datetime.now(timezone.utc)
    return {
        "AccessKeyId": "localcloud",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": str(uuid.uuid4()),
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **changed,
    }


@dataclass
class Sdk:
    """The vendor's clients for one cloud; the same keys unless others are given."""

    url: str
    accounts: list[Any] = field(default_factory=list)

    def config(self, **changed: Any) -> Config:
        settings = {
            "access_key_id": "localcloud",
            "access_key_secret": "localcloud-secret",
            "endpoint": urlsplit(self.url).netloc,
            "protocol": "http",
            "region_id": REGION,
            **changed,
        }
        return Config(**settings)

    def slb(self, **changed: Any) -> Any:
        return SlbClient(self.config(**changed))

    def ess(self, **changed: Any) -> Any:
        return EssClient(self.config(**changed))

    def mns(self, access_key_id: str = "localcloud", **changed: Any) -> Any:
        secret = changed.pop("access_key_secret", "localcloud-secret")
        account = Account(self.url, access_key_id, secret, **changed)
        self.accounts.append(account)
        return account

    def call(self, version: str, action: str, **query: str) -> Any:
        """Any action of any version, as the SDKs' common part sends it."""
        names = {"action": action, "version": version, "protocol": "HTTP", "pathname": "/"}
        rest = {"method": "POST", "auth_type": "AK", "style": "RPC", "req_body_type": "formData"}
        params = Params(**names, **rest, body_type="json")
        client = AnyClient(self.config())
        return client.call_api(params, OpenApiRequest(query=query), _runtime())["body"]


def _runtime() -> Any:
    from darabonba.runtime import RuntimeOptions  # noqa: PLC0415 - costs only where it is used

    return RuntimeOptions()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs would send what is meant for 127.0.0.1 to a proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def server(codes: Codes) -> Iterator[Running]:
    """One for all tests: for every new address the SDKs read all certificates again."""
    with running() as cloud:
        cloud.cloud.journal = Watched(codes)
        yield cloud


@pytest.fixture(autouse=True)
def watching(request: pytest.FixtureRequest, codes: Codes) -> None:
    codes.watching = not hasattr(request.function, "hypothesis")


@pytest.fixture
def served(server: Running) -> Running:
    Control(server.url).send("POST", "/_cloud/reset")
    return server


@pytest.fixture
def control(served: Running) -> Control:
    return Control(served.url)


@pytest.fixture
def sdk(served: Running) -> Iterator[Sdk]:
    clients = Sdk(served.url)
    yield clients
    for account in clients.accounts:
        account.mns_client.close_connection()


@pytest.fixture
def mns(sdk: Sdk) -> Any:
    return sdk.mns()


@pytest.fixture
def slb(sdk: Sdk) -> Any:
    return sdk.slb()


@pytest.fixture
def ess(sdk: Sdk) -> Any:
    return sdk.ess()


@pytest.fixture
def refused() -> Callable[..., tuple[str, int]]:
    """Calls, expects a refusal, and returns its code and status."""

    def call(operation: Callable[..., Any], *arguments: Any) -> tuple[str, int]:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDKs share no base class
            operation(*arguments)
        error: Any = caught.value
        return error.code, error.status_code

    return call


@pytest.fixture
def mns_request(control: Control) -> Callable[..., Answer]:
    """A signed MNS request of any form."""

    def send(
        method: str, target: str, body: str = "", headers: dict[str, str] | None = None
    ) -> Answer:
        path, _, query = target.partition("?")
        signed = {"date": formatdate(usegmt=True), "x-mns-version": "2015-06-06", **(headers or {})}
        request = HttpRequest(method, path, query, signed, body.encode())
        signature = mns_auth.sign(request, "localcloud-secret")
        return control.send(
            method, target, body, {**signed, "authorization": f"MNS localcloud:{signature}"}
        )

    return send


@pytest.fixture
def functions(served: Running, tmp_path: Path) -> Iterator[Functions]:
    with closing(Functions(served.url, tmp_path)) as deployed:
        yield deployed
        deployed.send("POST", "/_cloud/reset")


@pytest.fixture
def recorder(served: Running) -> Iterator[Recorder]:
    """In the place of Function Compute."""
    found, real = Recorder(), served.cloud.functions
    served.cloud.functions = found  # type: ignore[assignment]
    yield found
    served.cloud.functions = real


@pytest.fixture
def trigger(control: Control) -> Callable[..., None]:
    def seed(kind: str, config: Any, **more: str) -> None:
        row = {"FunctionName": "fn", "TriggerName": "t", "TriggerType": kind}
        control.seed(Triggers=[{**row, "TriggerConfig": config, **more}])

    return seed


@pytest.fixture
def send(mns: Any) -> Callable[..., None]:
    """Bodies as they are, without the SDK's Base64, to the queue of the triggers."""
    sdk_queue = mns.get_queue(QUEUE)
    sdk_queue.set_encoding(False)

    def messages(*bodies: str) -> None:
        for body in bodies:
            sdk_queue.send_message(Message(body))

    return messages
