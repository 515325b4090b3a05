"""From what Function Compute hands over to what is asked for. Pure: no clock, no network, no log.

One file for each source, headed by the shape of its payload; `decoder` holds the table of them.
"""

from __future__ import annotations

from .decoder import decode, decode_items
from .envelope import Decoded
from .item import Item

__all__ = ["Decoded", "Item", "decode", "decode_items"]
