"""Tests of the vocabulary of faults and of how a step is written."""

from __future__ import annotations

import re

import pytest

import chatlab.lab.faults.vocabulary as vocabulary
from chatlab.lab.faults.vocabulary import FAULTS, Fault, parse_fault
from chatlab.lab.protocols.notation import ScriptError

EXAMPLES = [
    vocabulary.RefuseConnection(),
    vocabulary.RefuseConnection(closed_s=2.5),
    vocabulary.ResetBeforeHeaders(),
    vocabulary.CloseBeforeHeaders(),
    vocabulary.StallBeforeHeaders(),
    vocabulary.StallBeforeContent(),
    vocabulary.SilenceAfterEvent(0),
    vocabulary.SilenceAfterEvent(3),
    vocabulary.CleanEndAfterEvent(3),
    vocabulary.CleanEndAtByte(120),
    vocabulary.CloseAtByte(120),
    vocabulary.ResetAtByte(0),
    vocabulary.HttpError(429, error="quota", retry_after="1.5, 2", retry_after_ms="nan"),
    vocabulary.HtmlPage(status=520),
    vocabulary.WrongContentType("application/json; charset=utf-8"),
    vocabulary.OkWithErrorBody("auth"),
    vocabulary.InBandError(),
    vocabulary.InBandError(after_event=0),
    vocabulary.ResponseFailed("rate_limit", after_event=2),
    vocabulary.MalformedJson(after_event=2),
    vocabulary.MalformedSse("bad-utf8"),
    vocabulary.RstStream("CANCEL", after_event=1),
    vocabulary.Goaway("ENHANCE_YOUR_CALM"),
    vocabulary.ShortBody(),
    vocabulary.ResetUnframed(120),
    vocabulary.SlowDrip(bytes=1, every_s=0.25),
]


@pytest.mark.parametrize("fault", EXAMPLES, ids=str)
def test_a_fault_is_read_back_from_its_own_text(fault: Fault) -> None:
    """The short text of any fault names exactly that fault."""
    assert parse_fault(str(fault)) == fault


def test_every_fault_has_an_example_here_and_a_place_in_the_overview() -> None:
    """No fault is without a round trip test, or missing from the head of its module."""
    assert {type(example) for example in EXAMPLES} == set(FAULTS.values())
    overview = re.findall(r"[a-z]+(?:-[a-z]+)+|goaway", vocabulary.__doc__ or "")
    assert set(FAULTS) <= set(overview)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("silence-after-event:3", vocabulary.SilenceAfterEvent(3)),
        ("silence-after-event:event=3", vocabulary.SilenceAfterEvent(3)),
        ("slow-drip:bytes=16,every_s=1", vocabulary.SlowDrip(16, 1.0)),
        ("slow-drip:4,every_s=0.5", vocabulary.SlowDrip(4, 0.5)),
        (" goaway ", vocabulary.Goaway()),
        ("html-page:", vocabulary.HtmlPage()),
        ("in-band-error:after_event=0", vocabulary.InBandError(after_event=0)),
    ],
)
def test_short_text_takes_values_by_place_and_by_name(text: str, fault: Fault) -> None:
    """The first value may stand alone; the others are named."""
    assert parse_fault(text) == fault


def test_json_gives_the_same_fault_as_short_text() -> None:
    """An object has the name under "step" and the fields beside it."""
    assert parse_fault({"step": "slow-drip", "bytes": 2, "every_s": 1}) == vocabulary.SlowDrip(2, 1)
    assert parse_fault({"step": "html-page"}) == vocabulary.HtmlPage()
    assert parse_fault({"step": "goaway", "after_event": None}) == vocabulary.Goaway()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("silence-after-evnt:3", 'did you mean "silence-after-event"?'),
        ("qqqqqqqq", "choose one of refuse-connection, reset-before-headers"),
        ("slow-drip:every=1", 'slow-drip: no field "every"; did you mean "every_s"?'),
        ("reset-before-headers:3", 'takes no value, but was given "3"'),
        ("reset-before-headers:x=3", 'no field "x"; it has no fields'),
        ("close-at-byte", 'byte is missing; write "close-at-byte:byte=..."'),
        ("close-at-byte:ten", "close-at-byte: byte is 'ten'; it must be of type int"),
        ("close-at-byte:-1", "close-at-byte: byte is -1; it must be a number, 0 or more"),
        ("slow-drip:0", "slow-drip: bytes is 0; it must be a number, 1 or more"),
        ("slow-drip:every_s=nan", "slow-drip: every_s is nan"),
        ("slow-drip:every_s=inf", "slow-drip: every_s is inf"),
        ("http-error:200", "http-error: status is 200; it must be a number, from 400 to 599"),
        ("rst-stream:CANCELED", 'did you mean "CANCEL"?'),
        ("in-band-error:overload", 'did you mean "overloaded"?'),
        ({"step": "close-at-byte", "byte": True}, "byte is True; it must be of type int"),
        ({"step": "close-at-byte", "byte": 1.5}, "byte is 1.5; it must be of type int"),
        ({"fault": "goaway"}, 'needs its name under "step"'),
        ({"step": 3}, 'needs its name under "step"'),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_way_out(
    spec: str | dict[str, object], expected: str
) -> None:
    """Unknown names suggest the near one; values out of range say what is allowed."""
    with pytest.raises(ScriptError) as problem:
        parse_fault(spec)
    assert expected in str(problem.value)


def test_a_fault_made_in_code_is_checked_as_well() -> None:
    """A wrong number cannot get in past the parser."""
    with pytest.raises(ScriptError, match="event is -3"):
        vocabulary.SilenceAfterEvent(-3)


def test_http2_codes_stand_at_their_own_numbers() -> None:
    """The index of a code's name is the number on the wire."""
    from h2.errors import ErrorCodes

    assert [code.name for code in ErrorCodes] == list(vocabulary.H2_CODES)
    assert [code.value for code in ErrorCodes] == list(range(len(vocabulary.H2_CODES)))
