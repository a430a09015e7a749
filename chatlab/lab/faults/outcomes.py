"""What became of a response, told from what a script made of the good answer."""

from __future__ import annotations

from chatlab.lab.faults.script import SampleStep, Step
from chatlab.lab.faults.vocabulary import InBandError, MalformedJson, MalformedSse, ResponseFailed
from chatlab.lab.provider.exchange import Reply


def outcome(step: Step, good: Reply, reply: Reply, finished: str) -> str | None:
    """Return how the response ended that ``step`` made of ``good``, None if it never began.

    ``finished``, the status of the good response, if its last event is sent: then the provider
    has finished, whatever is spoilt on the way. ``failed`` for an error in its stream, ``cut``
    for one that stops before its end.
    """
    whole, sent = _content(good), _content(reply)
    if reply.status != good.status or not sent:
        return None
    if whole.startswith(sent):
        return finished if sent == whole else "cut"
    if isinstance(step, MalformedJson | MalformedSse):
        return finished
    is_error = isinstance(step, InBandError | ResponseFailed | SampleStep)
    return "failed" if is_error and sent.startswith(good.body[0].data) else None


def _content(reply: Reply) -> bytes:
    return b"".join(piece.data for piece in reply.body)
