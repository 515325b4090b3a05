"""Configuration, credentials, proxies; endpoints, and the clock that their answers tell."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from opskit import configuration as variables
from provisioner.errors import ConfigurationError

from .finding import Finding, failure, ok, warning
from .patient import Patient

_SECONDS = 5.0  # for one endpoint
_SIGNATURES_END = 15 * 60.0  # seconds: of a signed request (doc)
_NOTICEABLE = 30.0  # seconds
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def configuration(patient: Patient) -> Iterator[Finding]:
    try:
        found = variables.settings(patient.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            yield failure(f"{problem.path} {problem.message}", "set it as README.md describes")
        return
    number = len(found.config.bindings)
    yield ok(f"the configuration can work; {number} binding(s)")
    if not number:
        told = "there is no binding: no hook will be completed"
        yield warning(told, "set SCALING_GROUP_ID, LOAD_BALANCER_ID and BACKEND_PORTS, or BINDINGS")


def credentials(patient: Patient) -> Iterator[Finding]:
    keys = patient.cloud.credentials
    if keys.access_key_id and keys.access_key_secret:
        kind = "temporary" if keys.security_token else "lasting"
        yield ok(f"there are credentials, {kind} ones; the function has its role's instead")
        return
    names = "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
    yield failure("there are no credentials", f"set {names}, or use --local")


def proxies(_patient: Patient) -> Iterator[Finding]:
    found = proxies_in(os.environ)
    if not found:
        yield ok("no proxy is set")
        return
    told = f"{', '.join(found)} set: the SDKs take every call there, whatever NO_PROXY says"
    yield warning(told, "unset what does not lead to the cloud")


def proxies_in(environ: Mapping[str, str]) -> list[str]:
    """Names only: a proxy's address may hold a password."""
    return sorted(name for name in environ if name.upper() in _PROXIES and environ[name])


@dataclass(frozen=True, slots=True)
class _Seen:
    """`ahead` is what our clock is, of the endpoint's."""

    product: str
    endpoint: str
    ahead: float | None = None
    error: str = ""


def endpoints(patient: Patient) -> Iterator[Finding]:
    """And the clock: signatures hold for a quarter of an hour."""
    seen = [_seen(product, patient.cloud.endpoint(product)) for product in _products(patient)]
    for each in seen:
        if each.error:
            told = f"{each.product} cannot be reached at {each.endpoint} ({each.error})"
            remedy = f"mend the network, or name another by --endpoint {each.product}=URL"
            yield failure(told, remedy)
        else:
            yield ok(f"{each.product} is reached at {each.endpoint}")
    ahead = [each.ahead for each in seen if each.ahead is not None]
    if ahead:
        yield _clock(max(ahead, key=abs))


def _clock(ahead: float) -> Finding:
    told = f"this machine's clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    remedy = "set the clock of this machine; Function Compute keeps its own"
    if abs(ahead) >= _SIGNATURES_END:
        return failure(f"{told}, and signatures are refused", remedy)
    if abs(ahead) >= _NOTICEABLE:
        return warning(told, remedy)
    return ok("the clocks agree")


def _products(patient: Patient) -> list[str]:
    found = ["slb", "ess", "mns"]
    if patient.settings and patient.settings.slb_role_arn:
        found.append("sts")
    return [*found, "fc"] if patient.deployed else found


def _seen(product: str, endpoint: str) -> _Seen:
    """Any answer will do: nothing is signed, and so nothing is asked for."""
    sent = time.time()
    try:
        # The scheme is http or https: the endpoint is one of the SDKs', or was given as such.
        with urlopen(Request(endpoint, method="HEAD"), timeout=_SECONDS) as answer:  # noqa: S310
            date = answer.headers["Date"]
    except HTTPError as error:
        date = error.headers["Date"]
        error.close()
    except (OSError, HTTPException, ValueError) as error:
        return _Seen(product, endpoint, error=type(getattr(error, "reason", error)).__name__)
    if not date:
        return _Seen(product, endpoint)
    return _Seen(product, endpoint, ahead=sent - parsedate_to_datetime(date).timestamp())
