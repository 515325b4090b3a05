"""InvokeFunction of both generations, by their SDKs. What a function fails with is an answer."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from .cloud import Cloud
from .ending import UnusableError

_LONGEST = 86_400 + 30  # seconds: a function's longest timeout, and what a cold start takes
_TO_CONNECT = 10  # seconds
_TO_ACCEPT = 10  # seconds, for what is only queued


@dataclass(frozen=True, slots=True)
class Target:
    """`service` is generation 2's."""

    function: str
    service: str = ""
    qualifier: str = ""
    generation: int = 3
    asynchronous: bool = False
    tail: bool = False

    @property
    def seconds(self) -> int:
        """That an answer may take."""
        return _TO_ACCEPT if self.asynchronous else _LONGEST

    @property
    def headers(self) -> dict[str, str]:
        return {
            "x-fc-invocation-type": "Async" if self.asynchronous else "Sync",
            "x-fc-log-type": "Tail" if self.tail else "None",
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def generation_3(cloud: Cloud, target: Target, payload: bytes) -> Answer:
    from alibabacloud_fc20230330 import models  # noqa: PLC0415 - slow
    from alibabacloud_fc20230330.client import Client  # noqa: PLC0415
    from darabonba.runtime import RuntimeOptions  # noqa: PLC0415

    from . import sdk  # noqa: PLC0415

    name = f"{target.service}${target.function}" if target.service else target.function
    request = models.InvokeFunctionRequest(
        body=io.BytesIO(payload), qualifier=target.qualifier or None
    )
    types = {name.replace("-", "_"): value for name, value in target.headers.items()}
    headers = models.InvokeFunctionHeaders(**types)
    # The SDK's own are 5 s and 10 s.
    options = RuntimeOptions(connect_timeout=_TO_CONNECT * 1000, read_timeout=target.seconds * 1000)
    try:
        told = Client(cloud.config("fc")).invoke_function_with_options(
            name, request, headers, options
        )
    except sdk.ERRORS as error:
        raise _refused(sdk.code_of(error), target, cloud) from error
    named = {name.lower(): value for name, value in told.headers.items()}
    return Answer(told.status_code, named, told.body.read() if told.body else b"")


def generation_2(cloud: Cloud, target: Target, payload: bytes) -> Answer:
    if not target.service:
        raise UnusableError("--service is needed for a function of generation 2")
    answers: list[requests.Response] = []
    client = _client(cloud, target, answers)
    with _silent():
        try:
            client.invoke_function(
                target.service, target.function, payload, target.headers, target.qualifier
            )
        except requests.HTTPError as error:
            raise _refused(_code_of(answers[-1]), target, cloud) from error
        except requests.RequestException as error:
            raise _refused("", target, cloud) from error
        except Exception:
            if not answers or "x-fc-error-type" not in answers[-1].headers:
                raise
    named = {name.lower(): value for name, value in answers[-1].headers.items()}
    return Answer(answers[-1].status_code, named, answers[-1].content)


def _client(cloud: Cloud, target: Target, answers: list[requests.Response]) -> Any:
    """`fc2` tries a refused connection for half a minute, logs signed headers, and drops those of
    an answer that tells of the function's error. Signing is left to it; sending is not."""
    import fc2  # noqa: PLC0415 - slow

    class Client(fc2.Client):  # type: ignore[misc]  # the SDK ships no types
        def _do_request(
            self, method: str, path: str, headers: Any, params: Any = None, body: Any = None
        ) -> requests.Response:
            url, timeout = f"{self.endpoint}{path}", (_TO_CONNECT, target.seconds)
            answer = requests.request(
                method, url, headers=headers, params=params, data=body, timeout=timeout
            )
            answers.append(answer)
            answer.raise_for_status()
            return answer

    keys = cloud.credentials
    return Client(
        endpoint=cloud.endpoint("fc"),
        accessKeyID=keys.access_key_id,
        accessKeySecret=keys.access_key_secret,
        securityToken=keys.security_token,
    )


@contextmanager
def _silent() -> Iterator[None]:
    """The SDK writes what it sent and got to the root logger."""
    root = logging.getLogger()
    handler = logging.NullHandler()  # without one, it would add one that prints
    root.addHandler(handler)
    root.addFilter(_is_not_of_fc2)
    try:
        yield
    finally:
        root.removeFilter(_is_not_of_fc2)
        root.removeHandler(handler)


def _is_not_of_fc2(record: logging.LogRecord) -> bool:
    return "/fc2/" not in record.pathname.replace("\\", "/")


def _code_of(answer: requests.Response) -> str:
    """The answer of whatever stands between need not be JSON."""
    try:
        document = answer.json()
    except ValueError:
        return f"status {answer.status_code}"
    return str(document.get("ErrorCode") or "") if isinstance(document, dict) else ""


def _refused(code: str, target: Target, cloud: Cloud) -> UnusableError:
    """Nothing of what the SDKs say: it may hold what was sent."""
    if code:
        name = "/".join(filter(None, (target.service, target.function)))
        return UnusableError(f"Function Compute refused the call: {code}, of function {name}")
    return UnusableError(f"no readable answer from {cloud.endpoint('fc')}")
