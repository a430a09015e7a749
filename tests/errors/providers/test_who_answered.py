"""Who answered: tiers of marks, boundaries on both sides, and what proves nothing."""

from __future__ import annotations

import pytest

from chatlab.errors import classify
from chatlab.errors.providers import SHIPPED
from chatlab.errors.reading.who_answered import (
    DISPLAY_NAMES,
    Tier,
    normalised_provider,
    provider_in,
    vendor_of,
    who_answered,
)

SHOWN = [
    ("a field beats a host", "key_model_access_denied at api.anthropic.com", "litellm"),
    ("a host beats a maker", "post https://api.groq.com/openai/v1: llama, a claude", "groq"),
    ("a subdomain", "https://my-place.openai.azure.com/openai/deployments/x", "azure"),
    ("a gateway beats a maker", "openrouter: qwen/qwen3-coder is rate limited", "openrouter"),
    ("a gateway beats a model id", "litellm proxy: model claude-3-opus failed", "litellm"),
    ("a cloud's model id", "no access to us.anthropic.claude-sonnet-4-20250514-v1:0", "bedrock"),
    ("a model's publisher", "publishers/anthropic/models/claude-opus-4 not found", "google"),
    ("a model id", "the model claude-3-7-sonnet is busy", "anthropic"),
    ("a client's class for it", "litellm.ratelimiterror: vertexaiexception - x", "google"),
    ("a frame", 'file "/v/lib/python3.11/site-packages/xai_sdk/chat.py", line 3', "xai"),
    ("a frame whose path is cut", "xai_sdk/chat.py:31", "xai"),
    ("a frame of node", "at x (node_modules/@anthropic-ai/sdk/core/error.js:62)", "anthropic"),
    ("a client's own class", "cohere.errors.servererror: boom", "cohere"),
    ("a maker", "gemini is overloaded", "google"),
    ("a maker in chinese", "智谱：访问量过大", "zhipu"),
    ("a person's sentence", "openai is down again", "openai"),
    ("a local server", "connection to http://localhost:11434/api/chat refused", "ollama"),
]


@pytest.mark.parametrize(("what", "text", "vendor"), SHOWN, ids=[one[0] for one in SHOWN])
def test_the_strongest_mark_tells_who_answered(what: str, text: str, vendor: str) -> None:
    """A stronger tier wins wherever it stands in the text."""
    assert who_answered([text]).vendor == vendor, what
    assert provider_in(text) == SHIPPED[vendor].reported


NOTHING = [
    *("the coherent state", "a vertex shader", "a nimble fox", "kimiko said", "xairflow"),
    "@type: type.googleapis.com/google.rpc.quotafailure",
    "openai.ratelimiterror: slow down",
    "file /v/site-packages/openai/_base_client.py",
    "/usr/lib/node_modules/@musistudio/claude-code-router/dist/cli.js:3:1",
    "see /home/me/.claude/logs",
    "gpt-oss-120b failed",
    "mail to help@notopenai.com.example",
    "max.ai and blitz.ai",
    "a hypermistrals wind",
]


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_resembles_a_mark_names_nobody(text: str) -> None:
    """Longer words, types of protobuf, paths, and a client that speaks to everybody."""
    assert who_answered([text]) == (None, None, Tier.NOBODY)


def test_of_two_marks_of_one_tier_that_of_the_stronger_part_counts() -> None:
    """And in one part the first."""
    assert who_answered(["groq is busy", "openrouter is busy"]).vendor == "groq"
    assert who_answered(["openrouter is busy", "groq is busy"]).vendor == "openrouter"
    assert who_answered(["openrouter is busy, groq too"]).vendor == "openrouter"


def test_the_caller_is_believed_and_the_text_tells_the_vendor() -> None:
    """The text only says which of the compatible servers it was."""
    assert who_answered(["api.anthropic.com"], "openai") == ("openai", "openai", Tier.CALLER)
    assert who_answered(["groq is busy"], "openai-compat").vendor == "groq"
    assert who_answered(["claude-3-opus"], "openai-compat").vendor is None
    assert who_answered(["qwen3-32b is busy"], "openai-compat").vendor is None
    assert who_answered(["groq is busy"], "my-server").provider == "openai-compat"
    assert who_answered([], "z.ai") == ("openai-compat", "zhipu", Tier.CALLER)
    assert who_answered(["groq is busy"], "unknown").vendor == "groq"


ALIASES = [
    *(("vertex_ai_beta", "google"), ("text-completion-openai", "openai"), ("chatgpt", "openai")),
    *(("anthropic_text", "anthropic"), ("azure_text", "azure"), ("bedrock_mantle", "bedrock")),
    *(("Vercel AI Gateway", "vercel"), ("Open Router", "openrouter"), ("llama.cpp", None)),
    *(("a server of mine", None), ("Cohere", None)),
]


@pytest.mark.parametrize(("name", "provider"), ALIASES)
def test_spellings_of_callers(name: str, provider: str | None) -> None:
    """Names of clients and of people; an unknown one is a compatible server."""
    assert normalised_provider(name) == (provider or "openai-compat")


def test_display_names_are_those_of_vendors() -> None:
    """A compatible server has a name of its own."""
    assert set(DISPLAY_NAMES) == {one.reported for one in SHIPPED.values()}
    assert len(DISPLAY_NAMES) == 8
    assert vendor_of("kimi") == "Moonshot AI"
    assert vendor_of("a server of mine") is None
    assert vendor_of(None) is None


def test_messages_name_the_vendor() -> None:
    """Not "OpenAI Compatible", where the vendor is told; the id of a model does not tell it."""
    said = {
        "cohere is overloaded": "Cohere",
        "529 at https://api.groq.com": "Groq",
        "qwen3-32b: 529": "OpenAI Compatible",
        "529": "The AI provider",
    }
    for text, name in said.items():
        assert classify(text).message.startswith(f"{name} is overloaded")
    assert classify("529 overloaded", "kimi").retry_message.startswith("Moonshot AI is")
    assert classify("529", "openai-compat").message.startswith("OpenAI Compatible is")


def test_every_name_host_and_mark_is_found_alone() -> None:
    """No mark of a file is shadowed by another's."""
    for one in SHIPPED.values():
        for mark in (*one.hosts, *one.names, *one.marks, *one.classes):
            assert who_answered([f"x {mark.lower()} y"]).provider == one.reported, mark
