"""What an operation says no to, beyond what the contract can check."""

from bot.sandbox.calls import Call
from bot.sandbox.envelope import ApiError, invalid


def unprocessable(field: str, message: str) -> ApiError:
    """A 422 that names the field: well-formed, but impossible."""
    return ApiError(422, "unprocessable", message, {"field": field})


def check_length(text: str, field: str, most: int, *, least: int = 0) -> None:
    """Check that a text is neither too long nor, without the space around it, too short.

    Raises:
        ApiError: 400 that names the field.
    """
    if not least <= len(text.strip()) or len(text) > most:
        raise invalid(field, f"{field} must have {least} to {most} characters.")


def check_platform_fields(call: Call, *fields: str) -> None:
    """Check that no tenant key sends what only Neo's own platform may send.

    Raises:
        ApiError: 403.
    """
    for field in fields:
        if call.by == "key" and call.body.get(field) is not None:
            message = f"Only platform service accounts may send {field}."
            raise ApiError(403, "FORBIDDEN", message, {"field": field})
