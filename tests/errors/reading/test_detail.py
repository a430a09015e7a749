"""What a detail takes from a failure: the provider's own message, cleaned, and never a secret."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping

import pytest

from chatlab.corpus import Corpus
from chatlab.errors import Failure, Kind, Verdict, classify
from chatlab.errors.reading.provider_message import MAX_DETAIL_CHARS, detail

SAID = "The provider said so."


def of_body(body: object, kind: Kind = Kind.GENERIC) -> str:
    return detail(Failure(body=body), kind)


def of_text(text: str, kind: Kind = Kind.GENERIC) -> str:
    return detail(Failure(text=text), kind)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": SAID, "type": "x"}},
        {"error": {"message": SAID}, "message": "the wrapper"},
        {"type": "error", "error": {"type": "api_error", "message": SAID}},
        {"message": SAID},
        {"message": SAID, "detail": "less"},
        {"detail": SAID},
        {"detail": [{"loc": ["body"], "msg": SAID}]},
        {"detail": {"error": SAID}},
        {"error": SAID},
        {"error": SAID, "code": 500},
        {"error": {"error": {"message": SAID}}},
        {"error": [{"message": SAID}]},
        {"errors": [{"code": 1, "message": SAID}]},
        [{"error": {"code": 400, "message": SAID, "status": "INVALID_ARGUMENT"}}],
        {"Error": {"Code": "ThrottlingException", "Message": SAID}},
        {"Message": SAID},
        {"type": "response.failed", "response": {"error": {"code": "x", "message": SAID}}},
        {"error": {"message": ""}, "message": SAID},
        {"error": None, "message": SAID},
    ],
)
def test_the_message_comes_from_the_envelope(body: object) -> None:
    """`error.message` first, then a top-level `message` or `detail`, in every provider's shape."""
    for raw in (body, json.dumps(body), json.dumps(body).encode(), json.dumps(body, indent=2)):
        assert of_body(raw) == SAID
    assert classify(json.dumps(body)).detail == SAID
    assert classify(repr(body)).detail == SAID


@pytest.mark.parametrize(
    "wrapper",
    [
        "Error code: 429 - {repr}",
        "Error code: 400 - [{repr}]",
        'POST "https://api.openai.com/v1/responses": 429 Too Many Requests {json}',
        "429 {json}",
        "litellm.RateLimitError: OpenAIException - {json}",
        "request failed (status 429): {json}, request id: req_1",
        "call {{id}} failed with {json}",
        "got b'{json}'",
        "event: error\ndata: {json}\n\n",
        'event: message_start\ndata: {{"type": "message_start", "message": {{}}}}\n\nevent: error\ndata: {json}\n\n',
        "data: {json}\n\ndata: [DONE]\n\n",
    ],
)
def test_a_wrapper_that_repeats_the_answer_is_looked_through(wrapper: str) -> None:
    """The request line, the status and the JSON around the message are no part of it."""
    body = {"error": {"message": SAID, "code": None}}
    text = wrapper.format(json=json.dumps(body), repr=repr(body))
    assert of_text(text) == SAID
    assert of_body({"error": {"message": text}}) == SAID
    assert detail(Failure(exception_text=text), Kind.GENERIC) == SAID
    assert classify(text).detail == SAID


def test_wrappers_inside_wrappers_are_looked_through() -> None:
    """Up to a few layers deep."""
    text = json.dumps({"error": {"message": SAID}})
    for status in (502, 500, 400):
        text = json.dumps({"error": {"message": f"upstream: {status} {text}"}})
    assert of_body(text) == SAID


@pytest.mark.parametrize(
    "message",
    [
        "Invalid schema for function 'f': {'type': 'object'} is not valid",
        'tool input {"message": "hello"} does not match its schema',
        "unexpected token { in template {name}",
    ],
)
def test_json_that_a_message_mentions_is_part_of_it(message: str) -> None:
    """Only an error envelope, or JSON at the very end, is what a wrapper repeats."""
    assert of_body({"error": {"message": message}}) == message


def test_without_an_envelope_the_exception_speaks_then_the_text_then_the_page() -> None:
    """Trimmed; and nothing where nothing was said."""
    page = "<html><head><title>502</title><style>a{b}</style></head><body><h1>Bad&nbsp;gateway</h1></body></html>"
    assert detail(Failure(body=page, exception_text="  it\n failed "), Kind.GENERIC) == "it failed"
    assert detail(Failure(body=page, text="words"), Kind.GENERIC) == "words"
    assert of_body(page) == "502 Bad gateway"
    assert of_body({"code": 5}) == ""
    assert of_body(b"") == of_text(" \n") == detail(Failure(status=500), Kind.GENERIC) == ""
    assert Verdict(Kind.GENERIC, retryable=False).detail == ""
    assert detail(Failure(exception_text="Error code: 503"), Kind.TIMEOUT) == "Error code: 503"
    assert detail(Failure(exception_text="Error code: 503 - busy"), Kind.TIMEOUT) == "busy"


def test_angle_brackets_that_are_no_markup_stay() -> None:
    """A library's repr is words, and so is a message about tags."""
    refused = "<urlopen error [Errno 111] Connection refused>"
    reset = "<StreamReset stream_id:1, error_code:ErrorCodes.CANCEL, remote_reset:True>"
    assert of_text(refused) == refused
    assert of_text(reset) == reset
    assert of_text("expected <tool_use> but a < b") == "expected <tool_use> but a < b"
    assert of_text("<p>really</p> <b>bold</b><br/>words") == "really bold words"


def test_of_a_traceback_the_last_exception_speaks() -> None:
    """Without its class name and the frames."""
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise RuntimeError(f"Error code: 500 - {SAID}") from error
    except RuntimeError as error:
        text = "".join(traceback.format_exception(error))
    assert "Traceback" in text
    assert of_text(text) == SAID
    assert classify(text).detail == SAID


def test_a_detail_has_at_most_500_code_points() -> None:
    """The last is an ellipsis when it was cut; characters outside the BMP count as one."""
    for length in (499, 500):
        assert of_body({"message": "é" * length}) == "é" * length
        assert of_text("é" * length) == "é" * length
    for character in ("a", "é", "漢", "😀"):
        for cut in (of_body({"message": character * 501}), of_text(character * 9000)):
            assert cut == character * (MAX_DETAIL_CHARS - 1) + "…"
    assert MAX_DETAIL_CHARS == 500
    words = of_text("word " * 200)
    assert len(words) <= 500
    assert words.endswith("word…")


def test_bodies_over_64_kib_are_not_parsed() -> None:
    """Such a body is text; one just below is an envelope."""
    small = json.dumps({"error": {"message": SAID, "pad": "x" * 65_000}})
    large = json.dumps({"error": {"message": SAID, "pad": "x" * 65_600}})
    assert of_body(small) == SAID
    assert of_body(large) != SAID
    assert of_body(large).startswith('{"error": {"message": "The provider said so."')
    stream = f"event: error\ndata: {small}\n\n" + ": ping\n\n" * 9000
    assert of_body(stream) != SAID


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.com/a?b=c#d for more", "see for more"),
        ('Read timeout on endpoint URL: "http://127.0.0.1:1/x"', "Read timeout on endpoint URL:"),
        ("429 POST http://x/y: Too many", "429 POST Too many"),
        ("at (HTTPS://EXAMPLE.COM/A) now", "at now"),
        ("wss://h/p, ftp://h and postgres://u:p@h/db fail", "and fail"),
        ("go to www.example.com/billing or platform.openai.com/account", "go to or"),
        ("visit <https://example.com>", "visit"),
        ("plain example.com and 1.5/2.5 stay", "plain example.com and 1.5/2.5 stay"),
    ],
)
def test_a_detail_of_free_text_carries_no_address(text: str, expected: str) -> None:
    """An address in free text is where the call went, with whatever its query holds."""
    assert of_text(text) == expected
    assert "://" not in detail(Failure(exception_text=text), Kind.GENERIC)


def test_a_page_cannot_hide_an_address_in_its_markup() -> None:
    """Neither in an attribute nor in character references."""
    page = '<html><body><a href="https://evil.example/x">go</a> h&#116;tps:&#47;/evil.example</body></html>'
    assert "evil" not in of_body(page)


def test_the_provider_s_own_message_keeps_its_address() -> None:
    """An envelope's message says where to look things up."""
    message = "You exceeded your quota. See https://ai.google.dev/gemini-api/docs/rate-limits."
    assert of_body({"error": {"message": message}}) == message


FRAGMENTS = [
    "Incorrect API key provided: sk-abc***. You can find your key in the settings.",
    "Incorrect API key provided: sk-...4f2a.",
    "Incorrect API key provided: sk-proj-abc********************************************4f2a.",
    "Incorrect API key provided: abc***2a.",
    "Incorrect API key provided: ABC4f2a. You can find it.",
    "Incorrect API key provided: 'abc-4f2a'",
    "invalid key sk-abc…4f2a",
    "invalid key …4f2a",
    "invalid key ****4f2a",
    "invalid key sk-abc",
    "invalid key sk-ant-api03-abc...4f2a",
    "key abcXXXXXXXXXX4f2a refused",
    "key ending in 4f2a refused",
    "API key ending with `4f2a` refused",
    "token starting with abc was revoked",
    "your token (eyJabc...4f2a) expired",
    "gsk_abc***4f2a is wrong",
    "xai-abc...4f2a is wrong",
    "Bearer abc...4f2a is wrong",
]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_an_auth_detail_never_echoes_a_key_or_a_piece_of_one(text: str) -> None:
    """However it is masked, and wherever the message stands."""
    for failure in (
        Failure(status=401, body={"error": {"message": text}}),
        Failure(status=401, text=text),
        Failure(status=401, exception_text=f"Error code: 401 - {text}"),
    ):
        verdict = classify(failure)
        assert verdict.kind is Kind.AUTH
        for piece in ("abc", "ABC", "4f2a", "2a.", "***"):
            assert piece not in verdict.detail, verdict.detail
        assert "[redacted]" in verdict.detail


def test_words_of_an_auth_detail_that_are_no_key_stay() -> None:
    """Masking does not eat the sentence."""
    for text in (
        "invalid x-api-key",
        "The API key used is invalid ... try another",
        "API key not valid. Please pass a valid API key.",
        "Your organization org-Ab12 must be verified to use the model `gpt-5`.",
        "Authentication failed: **no** key was provided in the header",
    ):
        assert of_body({"error": {"message": text}}, Kind.AUTH) == text


SECRETS = {
    "openai": "sk-abcdefghijklmnopqrstuvwx",
    "openai project": "sk-proj-Ab_Cd-0123456789abcdefghij",
    "anthropic": "sk-ant-api03-abcdefghijklmnop-qrst",
    "openrouter": "sk-or-v1-0123456789abcdef0123456789",
    "google": "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "groq": "gsk_0123456789abcdefghijABCDEFGHIJ",
    "xai": "xai-0123456789abcdefghijABCDEFGHIJ",
    "hugging face": "hf_abcdefghijklmnopqrstuvwxyzABCDEF",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "azure": "api-key: 0123456789abcdef0123456789abcdef",
    "azure gateway": "Ocp-Apim-Subscription-Key: 0123456789abcdef0123456789abcdef",
    "bearer": "Authorization: Bearer abcdefghijklmnopqrstuv",
    "basic": "authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l",
    "query": "https://host/path?key=abcdef0123456789&alt=json",
    "user": "https://user:hunter2hunter2@host/path",
}


def planted(text: str) -> Iterator[Failure]:
    yield Failure(text=text)
    yield Failure(body=text)
    yield Failure(body=text.encode())
    yield Failure(body={"error": {"message": text}})
    yield Failure(body=json.dumps(json.dumps({"error": {"message": text}})))
    yield Failure(exception_text=text)
    yield Failure(exception_text=f"Error code: 400 - { ({'message': text})!r}")


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_no_detail_holds_a_secret(secret: str) -> None:
    """Also next to escapes and percent signs, at the cut, and after much white space."""
    core = secret.rpartition(" ")[2].removeprefix("https://").split("@")[0].partition("&")[0]
    core = core.rpartition("=")[2]
    for text in (
        f"call with {secret} failed",
        f"line\n{secret}\nline",
        f"line\\n{secret}\\nline",
        f"{'x' * 480} {secret} tail",
        f"{' ' * 3990}{secret}",
        f"{'pad ' * 990}{secret}",
    ):
        for failure in planted(text):
            for kind in (Kind.AUTH, Kind.GENERIC):
                shown = detail(failure, kind)
                assert core not in shown
                assert core[:12] not in shown


def test_what_cannot_be_seen_is_left_out() -> None:
    """Control, direction-changing and unpaired characters are no words."""
    text = "be\x00fore \x1b[31mred\x1b[0m \u202eafter\u200b \ud83d end\x7f"
    assert of_body({"message": text}) == "before red after end"


class Hostile(Mapping[str, object]):
    """A mapping that breaks when it is read."""

    def __getitem__(self, key: str) -> object:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        yield "error"

    def __len__(self) -> int:
        return 1


def test_a_body_that_misbehaves_says_nothing() -> None:
    """The exception's text speaks instead; deep nesting is not followed to its end."""
    seen = Failure(exception_text="words")
    object.__setattr__(seen, "body", Hostile())
    assert detail(seen, Kind.GENERIC) == "words"
    deep: object = SAID
    for _ in range(10_000):
        deep = {"error": deep}
    object.__setattr__(seen, "body", deep)
    assert detail(seen, Kind.GENERIC) == "words"


def test_every_detail_of_the_corpus_is_fit_to_show() -> None:
    """Short, printable, and in most records there is one."""
    told = 0
    for sample in Corpus.load().values():
        shown = classify(sample).detail
        assert len(shown) <= MAX_DETAIL_CHARS
        assert shown == shown.strip()
        assert shown.isprintable()
        told += bool(shown)
    assert told > 300
