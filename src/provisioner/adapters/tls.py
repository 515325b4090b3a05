"""One TLS context for every connection of the Tea SDKs, verifying all that theirs verify.

The SDK reads its bundle of authorities for each host and again for each connection, 35 ms a time.
A directory with hashed names, as distributions have it, is looked into only for the one authority
that is needed; without one, the bundle is read once.
"""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from .sdk import importing_parts_in_use

with importing_parts_in_use():
    import certifi
    from darabonba.core import DaraCore
    from requests.adapters import HTTPAdapter

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
