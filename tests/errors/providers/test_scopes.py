"""When a provider's facts count: when it may have said them, or nobody is surely named."""

from __future__ import annotations

import pytest

from chatlab import Failure, classify
from chatlab.errors import RULES
from chatlab.errors.providers import GENERIC, SHIPPED

GOOGLES = "API_KEY_HTTP_REFERRER_BLOCKED"
"""A code that only Google documents."""


def with_code(code: str, provider: str | None = None, message: str = "-") -> Failure:
    return Failure(body={"error": {"code": code, "message": message}}, provider=provider)


def test_a_bare_number_needs_its_providers_name() -> None:
    """By the caller, a host or a word in the text."""
    assert classify(with_code("1302")).rule == "unmatched"
    assert classify(with_code("1302", "openai-compat")).rule == "unmatched"
    assert classify(with_code("1302", "z.ai")).kind == "rate_limit"
    assert classify(with_code("1302", message="智谱")).kind == "rate_limit"
    assert classify(with_code("1302", "openai-compat", "bigmodel")).kind == "rate_limit"
    assert classify(with_code("1302", "openai", "bigmodel")).rule == "unmatched"


def test_a_websockets_number_is_not_an_edges() -> None:
    """1009 is "message too big" there, and "access denied" on a page of Cloudflare's."""
    assert classify("received 1009 (message too big); then sent 1009").kind != "auth"
    assert classify("websocket closed, code: 1009").kind != "auth"
    assert classify(Failure(status=403, body="error code: 1009")).kind == "auth"


def test_a_makers_code_is_not_another_makers() -> None:
    """A gateway repeats it, and nobody named may be anybody."""
    for counts in (None, "google", "openrouter", "azure", "openai-compat", "litellm"):
        assert classify(with_code(GOOGLES, counts)).rule == "auth-refused", counts
    for not_its in ("anthropic", "openai", "cohere", "z.ai"):
        assert classify(with_code(GOOGLES, not_its)).rule == "unmatched", not_its


def test_a_maker_who_is_only_spoken_of_excludes_nobody() -> None:
    """A name in a sentence does not tell who answered for sure; a host does."""
    assert classify(with_code(GOOGLES, message="claude is busy")).rule != "unmatched"
    assert classify(with_code(GOOGLES, message="see api.anthropic.com")).rule == "unmatched"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_provider_may_say_its_own_and_what_is_everybodys(name: str) -> None:
    """Servers for others may say all."""
    one = SHIPPED[name]
    assert SHIPPED.counts(GENERIC, name)
    assert SHIPPED.counts(name, name)
    assert SHIPPED.counts(name, None)
    assert all(SHIPPED.counts(other, name) for other in one.imitates)
    assert SHIPPED.counts("bedrock", name) == (one.serves_others or name == "bedrock")


def test_explanations_name_only_what_counts() -> None:
    """The evidence of a verdict is that of the same scope."""
    matches = RULES.matches(with_code("1302", "z.ai").signals)
    assert "1302" in matches
    assert "1302" not in RULES.matches(with_code("1302", "groq").signals)
