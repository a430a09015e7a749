"""What a gRPC error holds, whose own text is a dump of the call."""

from __future__ import annotations

from collections.abc import Mapping

from chatlab.errors.observing.attributes import attribute, called
from chatlab.errors.observing.responses import by_name


def status_of(exception: object) -> dict[str, object] | None:
    """The status and the message of a gRPC error."""
    name = attribute(called(exception, "code"), "name")
    return {"status": name, "message": called(exception, "details")} if name else None


def headers_of(exception: object) -> Mapping[str, object] | None:
    """The trailing metadata of a gRPC error, which are its headers."""
    return by_name(called(exception, "trailing_metadata")) or None
