"""What cannot become a sample: nothing, too much, a success, request data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from chatlab.corpus.adding.har import entries_in, is_error_answer
from chatlab.corpus.record import OBSERVED
from chatlab.corpus.sample import SampleError
from chatlab.corpus.sanitizer.json_walk import texts_in
from chatlab.errors import NO_RULE, Failure, classify

MAX_CHARS: Final = 256 * 1024
"""A failure of more characters is refused: a sample is to be read by people."""

_GIVE: Final = "give the text of the failing call"
_NO_WORDS: Final = frozenset(("true", "false", "null", "none", "nan", "undefined"))
_SUCCESS_LINE: Final = re.compile(r"HTTP/\S{1,8} 2\d\d(?: [A-Za-z ]{0,40})?")
_ANSWERS: Final = ("choices", "output", "candidates", "content", "data", "embeddings", "models")
_ERRORS: Final = ("error", "errors", "detail", "message", "fault", "incomplete_details")


def reject_request_data(thing: object) -> None:
    """Raise `SampleError` when a HAR, or an entry of one, is in `thing`: it has request data."""
    inside = list(thing.values()) if isinstance(thing, Mapping) else [thing]
    if any(entries_in(_decoded(one)) for one in (thing, *inside)):
        raise SampleError(
            "this is a HAR entry, which holds request data too; give its response alone, or the "
            "HAR as a file: chatlab corpus add FILE"
        )


def reject_unusable(failure: Failure, draft: Mapping[str, object], *, labelled: bool) -> None:
    """Raise `SampleError` when there is nothing in `failure`, of record `draft`, or too much.

    labelled: a person has labelled it, so that it is not tested for being a success.
    """
    if "sign:no-evidence" in failure.signals.terms:
        raise SampleError(f"nothing was observed; {_GIVE}")
    texts = [text for name in OBSERVED for _, text in texts_in(draft.get(name))]
    size = sum(map(len, texts))
    if size > MAX_CHARS:
        raise SampleError(
            f"{size:,} characters are too many for a sample (at most {MAX_CHARS:,}); give the "
            "part that shows the failure"
        )
    if failure.status is None and not any(map(_has_words, texts)):
        raise SampleError(f"it has no words; {_GIVE}")
    if not labelled and _is_success(failure) and classify(failure).rule in NO_RULE:
        raise SampleError(f"this is the answer of a call that succeeded; {_GIVE}")


def _has_words(text: str) -> bool:
    return text.strip().lower() not in _NO_WORDS and any(map(str.isalpha, text))


def _is_success(failure: Failure) -> bool:
    if failure.exception_type or failure.exception_text:
        return False
    if isinstance(failure.text, str) and failure.text:
        return _SUCCESS_LINE.fullmatch(failure.text.strip()) is not None
    body = _decoded(failure.body)
    if isinstance(failure.status, int) and 200 <= failure.status < 300:
        text = failure.body if isinstance(failure.body, str) else json.dumps(body, default=str)
        return not is_error_answer(text, {})
    if failure.status is not None or not isinstance(body, Mapping):
        return False
    answered = any(isinstance(body.get(name), list) for name in _ANSWERS)
    return answered and body.get("type") != "error" and not any(map(body.get, _ERRORS))


def _decoded(thing: object) -> object:
    """What `thing` says as JSON, when it is a text that is JSON; else `thing`."""
    text = thing.decode("utf-8", "replace") if isinstance(thing, bytes | bytearray) else thing
    if isinstance(text, str) and text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(text.lstrip("\ufeff"))
    return thing
