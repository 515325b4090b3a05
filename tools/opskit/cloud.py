"""Which cloud a command speaks to, and as whom: one set of options for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from provisioner.ports import Credentials

from . import local
from .ending import UnusableError

PRODUCTS = ("slb", "ess", "mns", "fc", "sts")
DEFAULT_REGION = "cn-hangzhou"

_SECONDS = 8.0  # for one call to the message service

_KEYS = {
    "access_key_id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "access_key_secret": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "security_token": "ALIBABA_CLOUD_SECURITY_TOKEN",
}
_HOSTS = {
    "mns": "{account}.mns.{region}.aliyuncs.com",
    "fc": "{account}.{region}.fc.aliyuncs.com",
    "sts": "sts.{region}.aliyuncs.com",
}
# Many regions share a host; which ones, these know.
_SDKS = {"slb": "alibabacloud_slb20140515.client", "ess": "alibabacloud_ess20220222.client"}


@dataclass(frozen=True, slots=True)
class Cloud:
    """`endpoints` holds what was named; `is_local` that all of them are one localcloud."""

    region: str
    account: str
    credentials: Credentials
    endpoints: Mapping[str, str] = field(default_factory=dict)
    is_local: bool = False

    def endpoint(self, product: str) -> str:
        """A URL, without a path."""
        named = self.endpoints.get(product)
        if named:
            return (named if "://" in named else f"https://{named}").rstrip("/")
        if product in _SDKS:
            return "https://" + _host_by_sdk(product, self.region)
        host = _HOSTS[product]
        if "{account}" in host and not self.account:
            raise UnusableError(f"--account is needed for the endpoint of {product}")
        return "https://" + host.format(region=self.region, account=self.account)

    def config(self, product: str) -> Any:
        """Of a Tea client."""
        from alibabacloud_tea_openapi.utils_models import Config  # noqa: PLC0415 - slow

        self.check_credentials()
        parts = urlsplit(self.endpoint(product))
        return Config(
            access_key_id=self.credentials.access_key_id,
            access_key_secret=self.credentials.access_key_secret,
            security_token=self.credentials.security_token or None,
            region_id=self.region,
            endpoint=parts.netloc,
            protocol=parts.scheme,
        )

    @contextmanager
    def messages(self) -> Iterator[Any]:
        """An account of the message service's SDK."""
        from mns.account import Account  # noqa: PLC0415 - slow

        self.check_credentials()
        keys = self.credentials
        account = Account(
            self.endpoint("mns"),
            keys.access_key_id,
            keys.access_key_secret,
            keys.security_token,
        )
        connection = account.mns_client.http.conn
        # The one is heeded over HTTP, the other over HTTPS; without them, it waits for ever.
        connection.connection_timeout = connection.timeout = _SECONDS
        try:
            yield account
        finally:
            account.mns_client.close_connection()

    def check_credentials(self) -> None:
        if not (self.credentials.access_key_id and self.credentials.access_key_secret):
            names = f"{_KEYS['access_key_id']} and {_KEYS['access_key_secret']}"
            raise UnusableError(f"there are no credentials: set {names}, or use --local")


def chosen(
    url: str | None, region: str, account: str, endpoints: Sequence[str], environ: Mapping[str, str]
) -> Cloud:
    """From the options of a command. On loopback, proxies are not for us: the SDKs would take these
    calls to one, too."""
    named = dict(map(_named, endpoints))
    if url:
        named = {**dict.fromkeys(PRODUCTS, _url(url)), **named}
    if any(map(local.is_loopback, named.values())):
        local.without_proxies()
    return Cloud(region, account, _credentials(environ, is_local=bool(url)), named, bool(url))


def _host_by_sdk(product: str, region: str) -> str:
    from alibabacloud_tea_openapi.utils_models import Config  # noqa: PLC0415 - slow

    nobody = Config(access_key_id="-", access_key_secret="-", region_id=region)  # noqa: S106
    return str(vars(import_module(_SDKS[product]).Client(nobody))["_endpoint"])


def _named(text: str) -> tuple[str, str]:
    product, _, endpoint = text.partition("=")
    if product not in PRODUCTS or not local.host_of(endpoint):
        raise UnusableError(f"--endpoint {text!r}: it takes PRODUCT=URL, of {', '.join(PRODUCTS)}")
    return product, endpoint


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or not local.host_of(text):
        raise UnusableError("--local takes a URL, as localcloud prints it")
    return text.rstrip("/")


def _credentials(environ: Mapping[str, str], *, is_local: bool) -> Credentials:
    """Named ones come first, also on localcloud: a seed may have others than its own."""
    given = {field: environ.get(name, "") for field, name in _KEYS.items()}
    if is_local and not given["access_key_id"]:
        return Credentials(local.ACCESS_KEY_ID, local.ACCESS_KEY_SECRET)
    return Credentials(**given)


def of_environment(
    url: str | None, region: str | None, account: str | None, endpoints: Sequence[str] | None
) -> Cloud:
    """What the options leave out, the environment says."""
    environ = os.environ
    region = region or environ.get("ALIBABA_CLOUD_REGION_ID") or DEFAULT_REGION
    account = account or environ.get("ALIBABA_CLOUD_ACCOUNT_ID", "")
    return chosen(url, region, account, endpoints or (), environ)
