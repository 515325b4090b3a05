"""`Tag.N.Key` and `Tag.N.Value` of a VServer group, and what the API refuses in them (sdk)."""

from localcloud.services.slb.backends import refused
from localcloud.wire.parameters import Parameters

_LIMIT = 20
_KEY_LENGTH = 64
_VALUE_LENGTH = 128


def read_tags(parameters: Parameters) -> dict[str, str]:
    rows = parameters.records("Tag")
    return check_tags([(row.get("Key"), row.get("Value", "")) for row in rows])


def check_tags(rows: list[tuple[str | None, str]]) -> dict[str, str]:
    if len(rows) > _LIMIT:
        raise refused("SizeLimitExceeded.Tag", f"At most {_LIMIT} tags.")
    tags: dict[str, str] = {}
    for key, value in rows:
        if not key:
            raise refused("MissingParam.TagKey", "The tag key is missing.")
        # inferred: the same key twice is refused as an invalid key.
        if len(key) > _KEY_LENGTH or _reserved(key) or key in tags:
            raise refused("InvalidParam.TagKey", "The tag key is invalid.")
        if len(value) > _VALUE_LENGTH or _reserved(value):
            raise refused("InvalidParam.TagValue", "The tag value is invalid.")
        tags[key] = value
    return tags


def _reserved(text: str) -> bool:
    return text.startswith(("aliyun", "acs:")) or "http://" in text or "https://" in text
