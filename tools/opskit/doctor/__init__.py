"""`opskit doctor`: one check after the other, each a function that yields what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from rich.console import Console

from opskit import configuration, ending
from opskit.cloud import Cloud
from opskit.deployed import deployed
from provisioner.errors import ConfigurationError, Retryable
from provisioner.settings import Settings

from . import balancers, hooks, messages, permissions, surroundings
from .finding import Finding, Level, unknown
from .patient import Patient

Check = Callable[[Patient], Iterator[Finding]]

CHECKS: Mapping[str, Check] = {
    "configuration": surroundings.configuration,
    "credentials": surroundings.credentials,
    "proxies": surroundings.proxies,
    "endpoints": surroundings.endpoints,
    "load balancers": balancers.load_balancers,
    "quota": balancers.quota_left,
    "listeners": balancers.references,
    "result topic": messages.result_topic,
    "dead letters": messages.dead_letter_queue,
    "subscriptions": messages.subscriptions,
    "circle": messages.circle,
    "timeout": hooks.timeout,
    "hooks": hooks.lifecycle_hooks,
    "permissions": permissions.permissions,
}
_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILURE: "red", Level.UNKNOWN: "cyan"}


def examine(cloud: Cloud, config: str | None, function: str | None, *, as_json: bool) -> int:
    """Answers the exit status."""
    patient = patient_of(cloud, config, function)
    found = {name: list(_checked(check, patient)) for name, check in CHECKS.items()}
    if as_json:
        ending.write_json([_row(name, item) for name, items in found.items() for item in items])
    else:
        _tell(found, Console(highlight=False, soft_wrap=True))
    levels = Counter(item.level for items in found.values() for item in items)
    return ending.FAILED if levels[Level.FAILURE] else ending.OK


def patient_of(cloud: Cloud, config: str | None, function: str | None) -> Patient:
    environ = configuration.environ(cloud, config, function)
    try:
        settings: Settings | None = configuration.settings(environ)
    except ConfigurationError:
        settings = None
    there = deployed(cloud, function) if function else None
    return Patient(_with_endpoints(cloud, settings), environ, settings, there)


def _with_endpoints(cloud: Cloud, settings: Settings | None) -> Cloud:
    """Those that the function uses."""
    if settings is None:
        return cloud
    region = settings.config.region_id
    used = {
        "slb": settings.slb_endpoint,
        "ess": settings.ess_endpoint,
        "mns": settings.mns_endpoint,
        "sts": settings.sts_endpoint,
    }
    named = {name: host.replace("{region_id}", region) for name, host in used.items() if host}
    return replace(cloud, region=region, endpoints={**named, **cloud.endpoints})


def _checked(check: Check, patient: Patient) -> Iterator[Finding]:
    """What one check cannot do keeps none of the others from being made."""
    try:
        yield from check(patient)
    except (ending.UnusableError, Retryable) as error:
        yield unknown(str(error), "mend what the other findings say, and ask again")


def _row(check: str, item: Finding) -> dict[str, str]:
    return {"check": check, "level": item.level.value, "what": item.what, "remedy": item.remedy}


def _tell(found: Mapping[str, list[Finding]], console: Console) -> None:
    for name, items in found.items():
        for item in items:
            style = _STYLES[item.level]
            console.print(f"{item.level.value:8}", style=style, end="")
            console.print(f"{name:15} {item.what}", markup=False)
            if item.remedy:
                console.print(f"{'':24}{item.remedy}", markup=False)
