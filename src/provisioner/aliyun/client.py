"""Where a product of the cloud answers, as whom to ask, and how long to wait.

What the adapters of the Tea SDKs (SLB, ESS) share: a configured client per region, and the way
from what these SDKs raise to our errors.

Nothing that the SDK says is passed on: its message holds the whole URL, and with it the payload.

One TLS context for every connection of the Tea SDKs, verifying all that theirs verify.

The SDK reads its bundle of authorities for each host and again for each connection, 35 ms a time.
A directory with hashed names, as distributions have it, is looked into only for the one authority
that is needed; without one, the bundle is read once.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import certifi
from alibabacloud_credentials.models import CredentialModel
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.core import DaraCore
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from requests import exceptions as requests_errors
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as urllib3_errors

from provisioner.errors import Code, ConfigurationError, ProvisionerError, Rejected
from provisioner.groups.lease import MAX_CALL_SECONDS
from provisioner.ports import Credentials, CredentialsSource

from .error_mapping import ApiError, Operation, Rule, classify, no_answer_error, unreachable_error

_SHORTEST_CALL = 0.5  # seconds: below, even a cloud that is well would not be heard


@dataclass(frozen=True, slots=True)
class Connection:
    """`endpoint` is a URL or a host, in which {region_id} stands for the region of the call;
    without one, the SDK chooses by region where it can. `seconds` is the time for one call,
    connecting included."""

    credentials: CredentialsSource
    endpoint: str = ""
    seconds: float = MAX_CALL_SECONDS

    def get_credentials(self) -> Credentials:
        """The credentials of this moment."""
        found = self.credentials()
        if not (found.access_key_id and found.access_key_secret):
            message = "there are no credentials: give the function a role"
            raise ConfigurationError(message, code=Code.PERMISSION_MISSING)
        return found

    def call_timeout(self, within: float) -> float:
        """Seconds for one call, where `within` are left."""
        return min(self.seconds, max(within, _SHORTEST_CALL))


C = TypeVar("C")
T = TypeVar("T")

_SHARE_TO_CONNECT = 0.25
_SUCCESS = range(200, 300)

# An endpoint is made of it: nothing that could lead the signed request to another host.
_REGION_ID = re.compile(r"[a-z0-9-]{1,64}\Z")

_MISSING = (None, "", "None")  # the SDK spells a missing code or RequestId 'None'

_NEVER_SENT = (
    urllib3_errors.ConnectTimeoutError,
    urllib3_errors.NewConnectionError,  # refused, unroutable; NameResolutionError is one
    urllib3_errors.ProxyError,  # raised while the proxy is not connected yet
    ssl.SSLCertVerificationError,
    requests_errors.InvalidURL,
    requests_errors.InvalidSchema,
    requests_errors.MissingSchema,
)


class UnreadableAnswerError(Exception):
    """An answer with a good status that is not the API's."""


class SdkClient(Generic[C]):
    """One product of the cloud, with a client per region, which asks for the credentials each time
    that it signs: they rotate."""

    def __init__(
        self, make: Callable[[Config], C], connection: Connection, rules: Iterable[Rule]
    ) -> None:
        share_context()
        share_sessions()
        self._make = make
        self._connection = connection
        self._rules = tuple(rules)
        self._unhurried = _build_options(connection.seconds)
        self._clients: dict[str, C] = {}

    def call(
        self,
        operation: Operation,
        method: Callable[[C, Any, Any], Any],
        request: Any,
        read: Callable[[Any], T],
        within: float,
    ) -> T:
        """One attempt, in the `within` seconds that are left. What `read` makes of the response is
        the result; what it raises means that the answer cannot be read."""
        client = self._clients.get(request.region_id) or self._client(request.region_id)
        unhurried = within >= self._connection.seconds  # nearly always
        options = (
            self._unhurried if unhurried else _build_options(self._connection.call_timeout(within))
        )
        try:
            response = method(client, request, options)
            # The SDK takes every status below 400 for success, and leaves no body where it reads
            # none.
            body = response.body
            if response.status_code not in _SUCCESS or body is None or not body.request_id:
                raise UnreadableAnswerError  # noqa: TRY301 - the last handler is for it
            return read(response)
        except AlibabaCloudException as error:
            raise _from_api_error(error, operation, self._rules) from error
        except UnretryableException as error:
            inner = error.inner_exception
            if isinstance(inner, ProvisionerError):  # there are no credentials
                raise inner from inner.__cause__  # not from the SDK's error, which holds it
            raise _from_transport_error(error, operation) from error
        except Exception as error:  # the SDK lets KeyError, TypeError and others through
            raise no_answer_error(operation, type(error).__name__) from error

    def _client(self, region_id: str) -> C:
        if not _REGION_ID.match(region_id):
            raise Rejected(Code.INVALID_REQUEST, "must be the id of a region", path="/RegionId")
        try:
            client = self._make(_build_config(self._connection, region_id))
        except Exception as error:
            raise ConfigurationError("the SDK refuses its endpoint") from error
        return self._clients.setdefault(region_id, client)


def parse_date(response: Any) -> float:
    """The answer's own time, in seconds since 1970. Raises `KeyError` and `ValueError`."""
    return _parse_http_date(response.headers["date"])


@lru_cache(maxsize=16)  # some calls of one event are answered in the same second
def _parse_http_date(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


@dataclass(frozen=True, slots=True)
class _CredentialsProvider:
    connection: Connection

    def get_credential(self) -> CredentialModel:
        """What it raises, the SDK wraps, and has sent nothing."""
        found = self.connection.get_credentials()
        return CredentialModel(
            access_key_id=found.access_key_id,
            access_key_secret=found.access_key_secret,
            security_token=found.security_token or None,
            type="sts" if found.security_token else "access_key",
        )


def _build_config(connection: Connection, region_id: str) -> Config:
    scheme, host = _split_endpoint(connection.endpoint.replace("{region_id}", region_id))
    return Config(
        credential=_CredentialsProvider(connection),
        region_id=region_id,
        endpoint=host,
        protocol=scheme,
    )


def _build_options(seconds: float) -> RuntimeOptions:
    connect = seconds * _SHARE_TO_CONNECT
    return RuntimeOptions(
        connect_timeout=_to_milliseconds(connect), read_timeout=_to_milliseconds(seconds - connect)
    )


def _split_endpoint(endpoint: str) -> tuple[str, str | None]:
    if not endpoint:
        return "https", None
    parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    return parts.scheme, parts.netloc


def _to_milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 means the SDK's own default


def _from_api_error(
    error: AlibabaCloudException, operation: Operation, rules: Iterable[Rule]
) -> ProvisionerError:
    ours = _classify_api_error(error, operation, rules)
    if error.request_id not in _MISSING:
        ours.request_id = str(error.request_id)
    return ours


def _classify_api_error(
    error: AlibabaCloudException, operation: Operation, rules: Iterable[Rule]
) -> ProvisionerError:
    if error.status_code is None:  # raised by the client itself, before it sent anything
        return ConfigurationError(f"{operation.name}: the SDK refuses its configuration")
    if error.code in _MISSING:
        return no_answer_error(operation, f"status {error.status_code} without a code")
    seconds = error.retry_after / 1000 if error.retry_after else None
    return classify(ApiError(operation, error.status_code, str(error.code), seconds), rules)


def _from_transport_error(error: UnretryableException, operation: Operation) -> ProvisionerError:
    """Only the chain behind the inner exception tells "never sent" from "may have arrived"."""
    chain = list(_iterate_causes(error.inner_exception))
    if error.last_request is None:
        return unreachable_error(operation, type(error.inner_exception).__name__)
    for link in chain:
        if isinstance(link, _NEVER_SENT):
            return unreachable_error(operation, type(link).__name__)
    return no_answer_error(operation, type(chain[-1]).__name__)


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            links += (link.__context__, link.__cause__)


_EXPECTED = ("prefix", "tls_min_version", "pool_size")


def share_context() -> None:
    """Where the SDK makes its adapters as expected; otherwise it goes on as it is."""
    make: Any = getattr(DaraCore, "get_adapter", None)
    code = getattr(make, "__code__", None)
    if (
        make.__module__ == __name__
        or code is None
        or code.co_varnames[: code.co_argcount] != _EXPECTED
    ):
        return

    def get_adapter(prefix: str, tls_min_version: Any = None, pool_size: Any = None) -> Any:
        if prefix.upper() != "HTTPS" or tls_min_version is not None or not pool_size:
            return make(prefix, tls_min_version, pool_size)
        return _Verifying(pool_maxsize=pool_size)

    DaraCore.get_adapter = staticmethod(get_adapter)


def share_sessions() -> None:
    """Threads whose first calls are made at once would each make a session, with connections that
    nobody uses again."""
    make: Any = getattr(DaraCore, "_get_session", None)
    if make is None or make.__module__ == __name__:
        return

    def get_session(*arguments: Any, **named: Any) -> Any:
        with _making:
            return make(*arguments, **named)

    DaraCore._get_session = staticmethod(get_session)  # noqa: SLF001


_making = Lock()


@cache
def trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()  # the system's authorities, or those of SSL_CERT_FILE
    if not context.cert_store_stats()["x509_ca"] and not _hashed_directory():
        context.load_verify_locations(certifi.where())
    return context


def _hashed_directory() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.capath) and any(Path(paths.capath).glob("[0-9a-f]*.0"))


class _Verifying(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=trusted(), **named)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if verify is not True or cert:
            super().cert_verify(conn, url, verify, cert)
            return
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = conn.ca_cert_dir = None  # the context has them
