"""MNS bodies. Reading takes any namespace (sdk: clients disagree); writing uses the documented
one, no prefixes, no CDATA and no empty elements, since the SDK reads none of those.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from localcloud.wire.errors import ApiError

__all__ = ["Element", "children", "element", "fields", "properties", "read", "write"]

NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"


def read(body: bytes, root: str) -> Element:
    try:
        found: Element = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise malformed() from error
    if _local(found) != root:
        raise malformed()
    return found


def fields(parent: Element) -> dict[str, str]:
    """The text of each child; nested ones (user properties) have none."""
    return {_local(child): child.text or "" for child in parent}


def children(parent: Element, name: str) -> list[Element]:
    return [child for child in parent if _local(child) == name]


def properties(message: Element) -> list[dict[str, str]]:
    """The user properties of a message: Name, Value and Type of each."""
    groups = children(message, "UserProperties")
    return [fields(value) for group in groups for value in children(group, "PropertyValue")]


def element(name: str, content: Mapping[str, Any]) -> Element:
    """A list repeats its key, a mapping nests, None is left out."""
    root = Element(name)
    for key, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                root.append(element(key, item))
            elif item is not None:
                child = Element(key)
                child.text = str(item)
                root.append(child)
    return root


def write(root: Element) -> bytes:
    root.set("xmlns", NAMESPACE)
    # A bare carriage return would be read back as a line feed.
    text = tostring(root, encoding="unicode").replace("\r", "&#13;")
    return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()


def malformed() -> ApiError:
    message = "The XML you provided was not well-formed."
    return ApiError(HTTPStatus.BAD_REQUEST, "MalformedXML", message)


def _local(node: Element) -> str:
    return node.tag.rpartition("}")[2]
