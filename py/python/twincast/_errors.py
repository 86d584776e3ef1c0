"""The exceptions of twincast. Each says what was wrong, where, and what would be right."""

from __future__ import annotations

__all__ = [
    "BusyError",
    "ClosedError",
    "ConditionError",
    "DeviceExistsError",
    "DeviceNotFoundError",
    "EngineError",
    "JobExistsError",
    "JobNotFoundError",
    "NotAllowedError",
    "PreconditionFailedError",
    "StorageError",
    "TwincastError",
    "ValidationError",
]


class TwincastError(Exception):
    """The base of every exception that twincast raises on its own account.

    Nothing was changed by a call that raised one, except where its documentation says so.

    Attributes:
        code: The error code of IoT Hub for this kind, for example 404001. Its first three
            digits are the HTTP status.
        hint: What would be right, if there is advice; it is part of the text as well.

    Examples:
        >>> try:
        ...     hub.twin("nobody")
        ... except twincast.TwincastError as error:
        ...     print(type(error).__name__, error.code)
        DeviceNotFoundError 404001
    """

    code: int
    hint: str | None

    def __init__(self, text: str = "", *, code: int = 500001, hint: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.hint = hint


class ConditionError(TwincastError, ValueError):
    """The text of a condition or query is wrong.

    The message shows the text with a caret under the offending part, and often a hint.

    Attributes:
        span: The (start, end) of the offending part, in bytes of the UTF-8 text.

    Examples:
        >>> try:
        ...     hub.select("tags.site == 'oslo'")
        ... except twincast.ConditionError as error:
        ...     print(error.span)
        (10, 12)
    """

    span: tuple[int, int] | None

    def __init__(
        self,
        text: str = "",
        *,
        code: int = 400004,
        hint: str | None = None,
        span: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(text, code=code, hint=hint)
        self.span = span


class ValidationError(TwincastError, ValueError):
    """A value breaks a rule of twins, methods or jobs; the message names the path and the limit.

    Examples:
        >>> hub.update_twin("d1", {"tags": {"level": float("nan")}})
        Traceback (most recent call last):
            ...
        twincast.ValidationError: tags.level: nan is not a JSON number
        hint: write None or leave the key out
    """


class DeviceNotFoundError(TwincastError, LookupError):
    """No device has this id."""


class DeviceExistsError(TwincastError):
    """A device with this id exists already."""


class JobNotFoundError(TwincastError, LookupError):
    """No job has this id: it never existed, or its retention has passed."""


class JobExistsError(TwincastError):
    """A job with this id exists already; nothing was scheduled."""


class PreconditionFailedError(TwincastError):
    """The etag given is not the twin's current one: read the twin again and retry."""


class NotAllowedError(TwincastError):
    """The call makes no sense in the present state, for example cancelling a finished job."""


class BusyError(TwincastError):
    """A limit on the work in progress is reached: wait and retry."""


class ClosedError(TwincastError):
    """The hub was closed."""


class StorageError(TwincastError):
    """A file could not be read or written."""


class EngineError(TwincastError):
    """The engine met a fault of its own, or is used where it cannot work, as in a forked child."""


for _name in __all__:
    # Users meet these classes as `twincast.X`; tracebacks and pickles should say so too.
    globals()[_name].__module__ = "twincast"
