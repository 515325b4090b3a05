"""Decodes what Function Compute delivers into what the event asks for.

Pure: no clock, no network, no log. There is one file for each source, headed by the shape of its
payload. `decoder` has the table of all sources.
"""

from __future__ import annotations

from .decoder import decode, decode_body, decode_call, decode_items
from .envelope import Decoded
from .item import Item

__all__ = ["Decoded", "Item", "decode", "decode_body", "decode_call", "decode_items"]
