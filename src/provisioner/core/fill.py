"""Filling a group of our own, 20 backends a call.

What an ambiguous call left is seen by reading back; what the load balancer refuses for the sake of
single backends is halved (`sieve`). The claim is renewed before any call that would be too late.
"""

from __future__ import annotations

from . import backends
from .commands import AddBackends, Wait
from .errors import Ambiguous, ConfigurationError, Fault, Rejected, Retryable
from .held import GivenUp, Held, Own, Steps, keep, read_own
from .lease import pause_after, wait_after
from .model import Answer, Backend, Desired, OnExisting, VServerGroup
from .sieve import Sieve, chunks_of, sifted, waited_for
from .values import replace


def fill(desired: Desired, own: Own, remaining: tuple[Backend, ...], sieve: Sieve) -> Steps:
    """Raises `Rejected` where what was left out is too much; the good ones are in by then."""
    failures = 0
    chunks = chunks_of(remaining)
    while chunks:
        held: Held = yield from keep(desired, own)
        try:
            added: Answer[None] = yield AddBackends(held.id, chunks[0], held.before)
            own.held = replace(held, date=added.date)
            del chunks[0]
        except Ambiguous:
            failures += 1
            yield Wait(pause_after(failures))
            actual: VServerGroup = yield from read_own(own)
            missing = (backends.plan(actual.backends, c, OnExisting.EXTEND).add for c in chunks)
            chunks = [chunk for chunk in missing if chunk]
        except ConfigurationError:
            raise
        except Retryable as error:
            failures += 1
            yield wait_after(error, pause_after(failures))
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise GivenUp from None  # somebody deleted it: look again
            if not (yield from waited_for(error, desired, sieve)):
                chunks[:1] = sifted(error, chunks[0], desired, sieve)
    sieve.judge(desired)
