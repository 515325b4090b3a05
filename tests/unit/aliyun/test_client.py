"""What the SDKs for SLB, ESS and STS get from us, and what they share: connections and trust."""

from __future__ import annotations

import inspect
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from alibabacloud_slb20140515.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.core import DaraCore
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool

from fakes import REGION
from provisioner.aliyun.client import Connection, SdkClient, SharedContextAdapter
from provisioner.aliyun.error_mapping import Operation
from provisioner.errors import Ambiguous, ConfigurationError, Rejected
from provisioner.ports import Credentials

KEYS = Credentials("key", "secret")
WRITE = Operation("CreateVServerGroup", writes=True)
ENOUGH = 60.0  # seconds


class Sdk:
    """Builds real clients of the SDK, and keeps what they were built with. Nothing is sent."""

    def __init__(self, connection: Connection) -> None:
        self.configs: list[Config] = []
        self.options: list[Any] = []
        self.api = SdkClient(self.build, connection, ())

    def build(self, config: Config) -> Client:
        self.configs.append(config)
        return Client(config)

    def call(self, region_id: str = REGION, *, within: float = ENOUGH) -> Client:
        """Returns the client that the call was made with."""

        def send(client: Client, _request: object, options: Any) -> Any:
            self.options.append(options)
            body = SimpleNamespace(request_id="r-1", client=client)
            return SimpleNamespace(status_code=200, headers={}, body=body)

        request = SimpleNamespace(region_id=region_id)
        return self.api.call(WRITE, send, request, lambda answer: answer.body.client, within)


@pytest.mark.parametrize(
    ("endpoint", "protocol", "host"),
    [
        ("http://127.0.0.1:8900", "http", "127.0.0.1:8900"),
        ("https://slb-vpc.cn-hangzhou.aliyuncs.com/", "https", "slb-vpc.cn-hangzhou.aliyuncs.com"),
        ("slb.aliyuncs.com", "https", "slb.aliyuncs.com"),
        ("slb-vpc.{region_id}.aliyuncs.com", "https", f"slb-vpc.{REGION}.aliyuncs.com"),
        ("127.0.0.1:8900", "https", "127.0.0.1:8900"),
        ("", "https", None),
    ],
)
def test_an_endpoint_is_a_url_or_a_host_and_https_is_the_default(
    endpoint: str, protocol: str, host: str | None
) -> None:
    sdk = Sdk(Connection(lambda: KEYS, endpoint))

    sdk.call()

    (config,) = sdk.configs
    assert (config.protocol, config.endpoint, config.region_id) == (protocol, host, REGION)


def test_a_client_is_built_once_for_each_region() -> None:
    sdk = Sdk(Connection(lambda: KEYS))

    clients = [sdk.call(region_id) for region_id in (REGION, "cn-beijing", REGION, "cn-beijing")]

    assert [config.region_id for config in sdk.configs] == [REGION, "cn-beijing"]
    assert clients[0] is clients[2] is not clients[1] is clients[3]


def test_a_region_that_would_lead_to_another_host_is_rejected() -> None:
    sdk = Sdk(Connection(lambda: KEYS, "slb-vpc.{region_id}.aliyuncs.com"))

    with pytest.raises(Rejected) as rejected:
        sdk.call("evil.example/")

    assert rejected.value.path == "/RegionId"
    assert sdk.configs == []


def test_a_client_asks_for_the_credentials_of_the_moment_and_not_for_those_it_was_built_with() -> (
    None
):
    current = [Credentials("first", "secret")]
    sdk = Sdk(Connection(lambda: current[0]))
    sdk.call()

    current[0] = Credentials("second", "secret", "token")
    credential = sdk.configs[0].credential.get_credential()

    assert (credential.access_key_id, credential.security_token) == ("second", "token")


@pytest.mark.parametrize(
    ("configured", "left", "connect", "read"),
    [(8.0, 60.0, 2000, 6000), (8.0, 2.0, 500, 1500), (8.0, 0.01, 125, 375), (0.2, 0.01, 50, 150)],
)
def test_a_call_lasts_no_longer_than_the_time_that_is_left(
    configured: float, left: float, connect: int, read: int
) -> None:
    sdk = Sdk(Connection(lambda: KEYS, seconds=configured))

    sdk.call(within=left)

    (options,) = sdk.options
    assert (options.connect_timeout, options.read_timeout) == (connect, read)


def test_what_the_sdk_refuses_by_itself_is_an_error_of_the_configuration() -> None:
    def refuse(*_: object) -> None:
        raise ClientException(code="ParameterMissing", message="'config' can not be unset")

    api = Sdk(Connection(lambda: KEYS)).api
    with pytest.raises(ConfigurationError):
        api.call(WRITE, refuse, SimpleNamespace(region_id=REGION), lambda answer: answer, ENOUGH)


def test_an_answer_without_a_request_id_is_no_answer() -> None:
    def answer(*_: object) -> Any:
        return SimpleNamespace(status_code=200, headers={}, body=SimpleNamespace(request_id=None))

    api = Sdk(Connection(lambda: KEYS)).api
    with pytest.raises(Ambiguous):
        api.call(WRITE, answer, SimpleNamespace(region_id=REGION), lambda answer: answer, ENOUGH)


@pytest.fixture
def sdks_own() -> Any:
    """`DaraCore.get_adapter` as the SDK defines it."""
    SdkClient(Client, Connection(lambda: KEYS), ())
    return inspect.unwrap(DaraCore.get_adapter)


def list_trusted(context: ssl.SSLContext) -> list[bytes]:
    return sorted(context.get_ca_certs(binary_form=True))


def connect_over_tls(adapter: HTTPAdapter, *, verify: bool | str = True) -> HTTPSConnectionPool:
    """Returns the pool as requests prepares it for its next connection."""
    pool = adapter.poolmanager.connection_from_url("https://slb.example")
    assert isinstance(pool, HTTPSConnectionPool)
    adapter.cert_verify(pool, "https://slb.example", verify, None)
    return pool


def test_the_sdk_still_reads_the_certificates_for_each_host_and_for_each_connection(
    sdks_own: Any,
) -> None:
    """Where this fails, `share_tls_context` is not needed any more."""
    first, second = sdks_own("HTTPS"), sdks_own("HTTPS")

    assert first is not second
    assert first.ssl_context is not second.ssl_context
    assert connect_over_tls(first).ca_certs is not None


def test_all_hosts_and_connections_share_one_context_that_trusts_what_the_sdk_trusts(
    sdks_own: Any,
) -> None:
    adapter = DaraCore.get_adapter("HTTPS", None, 40)

    assert DaraCore.get_adapter("HTTPS", None, pool_size=40) is adapter
    pool = connect_over_tls(adapter)
    context = pool.conn_kw["ssl_context"]
    assert (pool.cert_reqs, pool.ca_certs, pool.ca_cert_dir) == ("CERT_REQUIRED", None, None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert list_trusted(context) == list_trusted(sdks_own("HTTPS").ssl_context) != []
    assert adapter.proxy_manager_for("http://proxy").connection_pool_kw["ssl_context"] is context


def test_a_bundle_that_a_call_names_is_used_for_it(tmp_path: Path) -> None:
    bundle = tmp_path / "authorities.pem"
    bundle.touch()
    adapter = SharedContextAdapter(ssl.create_default_context(), 1)

    assert connect_over_tls(adapter, verify=str(bundle)).ca_certs == str(bundle)


@pytest.mark.usefixtures("sdks_own")
def test_threads_that_call_at_once_for_the_first_time_get_the_same_adapter() -> None:
    pool_size = 7  # of no other test
    at_once = Barrier(8, timeout=ENOUGH)

    def get_adapter(_: int) -> object:
        at_once.wait()
        return DaraCore.get_adapter("HTTPS", None, pool_size)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(get_adapter, range(8)))) == 1
