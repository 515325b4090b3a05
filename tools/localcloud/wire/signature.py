"""What a signed request claims, and the checks that every scheme shares.

A scheme (acs3, hmac_sha1, mns) turns a request into a Claim or refuses it as malformed; admit()
then decides. The order is: key, security token, expiry, time, signature, nonce. Only a request
whose signature holds uses up its nonce.
"""

import hmac
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from localcloud.wire.errors import ApiError

VALIDITY = 15 * 60  # seconds either way (doc, MNS; RPC by analogy)


@dataclass(frozen=True)
class Key:
    access_key_id: str
    access_key_secret: str
    caller: str
    security_token: str = ""
    expires: float = math.inf  # on the cloud's clock
    function: str = ""  # whose role it is of, if any, and of which of its instances
    instance: str = ""
    account: str = ""  # whose it is, if not this world's


@dataclass(frozen=True)
class Claim:
    access_key_id: str
    signature: str
    signed_at: float
    sign: Callable[[str], str]  # secret -> the signature that the request should bear
    nonce: str = ""
    security_token: str = ""


class Refusal(NamedTuple):
    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Refusals:
    """How one dialect words what admit() may find."""

    unknown_key: Refusal
    wrong_token: Refusal
    expired_token: Refusal
    out_of_time: Refusal
    wrong_signature: Refusal
    nonce_used: Refusal


@dataclass
class Nonces:
    """Those seen within the validity of a signature; the older ones time refuses by itself."""

    _seen: dict[str, float] = field(default_factory=dict)

    def use(self, nonce: str, now: float) -> bool:
        """Whether the nonce is fresh; it no longer is afterwards."""
        while self._seen and next(iter(self._seen.values())) < now - 2 * VALIDITY:
            del self._seen[next(iter(self._seen))]
        fresh = nonce not in self._seen
        self._seen.setdefault(nonce, now)
        return fresh


def admit(
    claim: Claim, words: Refusals, keys: Mapping[str, Key], nonces: Nonces, *, clock: float
) -> Key:
    """The caller's key; ApiError if the claim does not hold. `clock` is the cloud's."""
    key, now = keys.get(claim.access_key_id), time.time()
    if key is None:
        raise ApiError(*words.unknown_key)
    if claim.security_token != key.security_token:
        raise ApiError(*words.wrong_token)
    if key.expires <= clock:
        raise ApiError(*words.expired_token)
    if abs(now - claim.signed_at) > VALIDITY:
        raise ApiError(*words.out_of_time)
    expected = claim.sign(key.access_key_secret)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise ApiError(*words.wrong_signature)
    if claim.nonce and not nonces.use(f"{key.access_key_id} {claim.nonce}", now):
        raise ApiError(*words.nonce_used)
    return key


def percent_encode(text: str) -> str:
    """RFC 3986: `~` is kept, a space is %20, `*` is %2A (doc)."""
    return quote(text, safe="~")


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs are decoded first and encoded again here: the SDK sends `+`, but signs `%20` (sdk)."""
    encoded = ((percent_encode(key), percent_encode(value)) for key, value in sorted(pairs))
    return "&".join(f"{key}={value}" for key, value in encoded)
