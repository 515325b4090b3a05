"""The one exception a rule raises: what the API would answer instead."""

from collections.abc import Mapping
from http import HTTPStatus


class ApiError(Exception):
    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def not_implemented(what: str) -> ApiError:
    """Emulator-only: what is missing says so, by name, instead of pretending."""
    message = f"localcloud does not implement {what}."
    return ApiError(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", message)


def missing_parameter(name: str) -> ApiError:
    message = f'The input parameter "{name}" that is mandatory for this request is not supplied.'
    return ApiError(HTTPStatus.BAD_REQUEST, "MissingParameter", message)


def invalid_parameter(name: str) -> ApiError:
    message = f'The specified value of parameter "{name}" is not valid.'
    return ApiError(HTTPStatus.BAD_REQUEST, "InvalidParameter", message)


def internal_error() -> ApiError:
    message = "localcloud failed; its log says where."
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", message)
