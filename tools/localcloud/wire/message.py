"""The HTTP message as the rest of localcloud sees it: raw, so that signatures can be checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class HttpRequest:
    method: str
    path: str  # as sent, still percent-encoded
    query: str  # as sent
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def form_pairs(self) -> list[tuple[str, str]]:
        if not self.headers.get("content-type", "").lower().startswith(FORM):
            return []
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()  # names in lower case
    seconds: float = 0.0  # over which its body is sent, bit by bit
