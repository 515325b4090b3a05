"""Compact JSON in ASCII, by one encoder for all texts: `json` makes a C encoder for each, which
takes longer than the texts here do. Where `json` has none to share, it is asked as usual.
"""

from __future__ import annotations

import json.encoder
from collections.abc import Callable
from typing import Any


def encoder(
    *, sort_keys: bool = False, default: Callable[[Any], Any] | None = None
) -> Callable[[Any], str]:
    """Of values without cycles. `default` makes of other values what is JSON."""
    usual = json.JSONEncoder(sort_keys=sort_keys, separators=(",", ":"), default=default)
    known = vars(json.encoder)
    try:
        parts = known["c_make_encoder"](
            None,  # what was seen, to find cycles
            usual.default,
            known["encode_basestring_ascii"],
            None,  # indent
            usual.key_separator,
            usual.item_separator,
            sort_keys,
            False,  # skipkeys
            True,  # allow_nan
        )
    except (KeyError, TypeError):  # it is no part of what json promises
        return usual.encode
    return lambda value: "".join(parts(value, 0))
