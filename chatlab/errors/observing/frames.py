"""What the frames of a traceback tell: who raised, and the client library that was at work."""

from __future__ import annotations

from functools import lru_cache
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Final, cast

from chatlab.errors.observing.attributes import attribute, is_a, text_of
from chatlab.errors.providers import SHIPPED

_MAX_FRAMES: Final = 2_000
_QUOTED: Final = (12, 400)  # the fewest characters that prove a quotation, the most looked at


def is_another_call(raised: object, context: object) -> bool:
    """Whether `raised` comes from a call, such as a fallback, in what handled `context`.

    An exception that quotes its context was made from it, by whatever function.
    """
    passed, frames = frames_of(context), frames_of(raised)
    if not passed or not frames or frames[-1] in passed:
        return False
    fewest, most = _QUOTED
    quoted = text_of(context)[:most]
    return len(quoted) < fewest or quoted not in text_of(raised)


def frames_of(exception: object) -> list[FrameType]:
    """The frames that `exception` passed, outermost first; of an endless traceback the first."""
    traceback = attribute(exception, "__traceback__")
    if not is_a(traceback, TracebackType):
        return []
    walked = walk_tb(cast("TracebackType", traceback))
    return [frame for (frame, _), _ in zip(walked, range(_MAX_FRAMES), strict=False)]


def provider_of_frames(exception: object) -> str | None:
    """The provider to whom the innermost client library speaks that `exception` came through."""
    packages = _packages()
    for frame in reversed(frames_of(exception)):
        module = frame.f_globals.get("__name__")
        if type(module) is str:
            name = module
            while name:
                if name in packages:
                    return packages[name]
                name = name.rpartition(".")[0]
    return None


@lru_cache(maxsize=1)
def _packages() -> dict[str, str]:
    return {package: one.reported for one in SHIPPED.values() for package in one.packages}
