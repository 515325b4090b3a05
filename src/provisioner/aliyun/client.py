"""The client of the SDKs for SLB, ESS and STS, which share one core (`darabonba`).

A `Connection` says where a product answers, with which credentials and how long to wait. A
`SdkClient` keeps one client of the SDK for each region, and turns the exceptions of the SDK into
ours. No text of an SDK's exception is passed on: it holds the whole URL, and with it the payload.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache, wraps
from threading import Lock
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from alibabacloud_credentials.models import CredentialModel
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.core import DEFAULT_POOL_MAXSIZE, DaraCore
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from requests import exceptions as requests_errors
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as urllib3_errors

from provisioner.errors import Code, ConfigurationError, ProvisionerError, Rejected
from provisioner.groups.lease import MAX_CALL_SECONDS
from provisioner.ports import Credentials, CredentialsSource

from .error_mapping import ApiError, Operation, Rule, classify, no_answer_error, unreachable_error

C = TypeVar("C")
T = TypeVar("T")

_MIN_CALL_SECONDS = 0.5  # in less time, not even a cloud that is well answers
_SHARE_TO_CONNECT = 0.25
_SUCCESS = range(200, 300)

# The id becomes part of a host name: it must not lead a signed request to another host.
_REGION_ID = re.compile(r"[a-z0-9-]{1,64}\Z")

_MISSING = (None, "", "None")  # the SDK writes a missing code or RequestId as 'None'

_NEVER_SENT = (
    urllib3_errors.ConnectTimeoutError,
    urllib3_errors.NewConnectionError,  # refused or unroutable; NameResolutionError is one
    urllib3_errors.ProxyError,  # raised before the proxy is connected
    ssl.SSLCertVerificationError,
    requests_errors.InvalidURL,
    requests_errors.InvalidSchema,
    requests_errors.MissingSchema,
)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a product answers, with which credentials, and how long to wait.

    `endpoint` is a URL or a host; {region_id} in it stands for the region of the call. Without an
    endpoint, the SDK chooses one by region. `seconds` is the time for one call, including the time
    to connect.
    """

    credentials: CredentialsSource
    endpoint: str = ""
    seconds: float = MAX_CALL_SECONDS

    def get_credentials(self) -> Credentials:
        """Return the current credentials. Raises ConfigurationError where there are none."""
        found = self.credentials()
        if not (found.access_key_id and found.access_key_secret):
            message = "there are no credentials: give the function a role"
            raise ConfigurationError(message, code=Code.PERMISSION_MISSING)
        return found

    def call_timeout(self, within: float) -> float:
        """Return the seconds for one call, of the `within` seconds that are left."""
        return min(self.seconds, max(within, _MIN_CALL_SECONDS))


class UnreadableAnswerError(Exception):
    """An answer has a status of success and is not the API's."""


class SdkClient(Generic[C]):
    """Calls one product, with one client of its SDK for each region.

    The SDK asks for the credentials each time that it signs, so that a client outlives them.
    """

    def __init__(
        self, build_client: Callable[[Config], C], connection: Connection, rules: Iterable[Rule]
    ) -> None:
        share_tls_context()
        self._build_client = build_client
        self._connection = connection
        self._rules = tuple(rules)
        self._clients: dict[str, C] = {}

    def call(
        self,
        operation: Operation,
        method: Callable[[C, Any, Any], Any],
        request: Any,
        read: Callable[[Any], T],
        within: float,
    ) -> T:
        """Send the request once, in the `within` seconds that are left, and return what `read`
        makes of the response. An exception of `read` means that the answer cannot be read.

        Raises Rejected and Retryable.
        """
        client = self._clients.get(request.region_id) or self._new_client(request.region_id)
        options = _build_options(self._connection.call_timeout(within))
        try:
            response = method(client, request, options)
            # For the SDK, every status below 400 is a success. It leaves out a body that it cannot
            # read.
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

    def _new_client(self, region_id: str) -> C:
        if not _REGION_ID.match(region_id):
            raise Rejected(Code.INVALID_REQUEST, "must be the id of a region", path="/RegionId")
        try:
            client = self._build_client(_build_config(self._connection, region_id))
        except Exception as error:
            raise ConfigurationError("the SDK refuses its endpoint") from error
        return self._clients.setdefault(region_id, client)


def parse_date(response: Any) -> float:
    """Return the answer's own time, in seconds since 1970. Raises KeyError and ValueError."""
    return parsedate_to_datetime(response.headers["date"]).timestamp()


class _CredentialsProvider:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_credential(self) -> CredentialModel:
        """Return the credentials to sign with. The SDK wraps an exception, and sends nothing."""
        found = self._connection.get_credentials()
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
    return max(1, round(seconds * 1000))  # for the SDK, 0 means its own default


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
    """Tell a request that was never sent from one that may have arrived, by the chain of causes
    behind the inner exception: nothing else tells them apart."""
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


@cache  # once in a process
def share_tls_context() -> None:
    """Patch the SDK so that all of its connections share one TLS context.

    `DaraCore.get_adapter` reads some 150 certificates for each host, and requests reads them again
    for each connection: 75 ms of a cold start. The patched one returns the same adapter to all
    hosts, with the context that the SDK built for the first: it trusts exactly what the SDK trusts.
    Threads that call at once share the connections of this adapter, too.
    """
    build_adapter, lock = DaraCore.get_adapter, Lock()

    @cache
    def build_shared_adapter(prefix: str, tls_min_version: Any, pool_size: int) -> HTTPAdapter:
        adapter = build_adapter(prefix, tls_min_version, pool_size)
        return SharedContextAdapter(adapter.ssl_context, pool_size)

    @wraps(build_adapter)
    def get_adapter(
        prefix: str, tls_min_version: Any = None, pool_size: int = DEFAULT_POOL_MAXSIZE
    ) -> HTTPAdapter:
        with lock:
            return build_shared_adapter(prefix, tls_min_version, pool_size)

    DaraCore.get_adapter = staticmethod(get_adapter)


class SharedContextAdapter(HTTPAdapter):
    """Makes all connections with one TLS context, which holds the certificates that it trusts."""

    def __init__(self, context: ssl.SSLContext, pool_size: int) -> None:
        self._context = context
        super().__init__(pool_maxsize=pool_size)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **named)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **named)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)
        if verify is True:
            conn.ca_certs = None  # requests' own bundle: the context has it
