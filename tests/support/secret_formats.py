"""The forms of keys and tokens that services give out, drawn by a seeded generator, and sentences.

Nothing here opens anything: each value is made when the tests run.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

from support.planted_secrets import ALNUM, BASE36, BASE64, DIGITS, HEX, KEYS, UPPER, URLSAFE, Draw

Format = Callable[[Draw], tuple[str, str]]
"""From a source of values to a text that holds a secret, and the part that must not survive."""


def _after(prefix: str, alphabet: str, length: int, behind: str = "") -> Format:
    def draw(d: Draw) -> tuple[str, str]:
        core = d.of(alphabet, length)
        return f"{prefix}{core}{behind}", core

    return draw


def _split(prefix: str, first: int, between: str, second: int) -> Format:
    def draw(d: Draw) -> tuple[str, str]:
        one, core = d.of(ALNUM, first), d.of(ALNUM, second)
        return f"{prefix}{one}{between}{core}", core

    return draw


def _basic(d: Draw) -> tuple[str, str]:
    core = base64.b64encode(f"{d.word()}:{d.of(ALNUM, 16)}".encode()).decode()
    return f"Authorization: Basic {core}", core


def _digest(d: Draw) -> tuple[str, str]:
    core = d.of(HEX, 32)
    return f'Digest username="bob", realm="api", nonce="{d.of(HEX, 24)}", response="{core}"', core


_NAMED_HERE: Final = (
    *("openai project key", "openai legacy key", "openai service account key", "openai admin key"),
    *("anthropic key", "anthropic oauth token", "openrouter key", "deepseek key"),
    *("google api key", "google oauth token", "google client secret", "aws access key id"),
    *("aws session key id", "bedrock api key", "groq key", "xai key", "hugging face token"),
    *("perplexity key", "replicate token", "nvidia key", "cerebras key", "fireworks key"),
    *("together key", "databricks token", "vercel gateway key", "elevenlabs key"),
    *("langsmith key", "tavily key", "github token", "github fine-grained token", "gitlab token"),
    *("slack bot token", "stripe key", "npm token", "pypi token", "docker token", "vault token"),
    *("sendgrid key", "digitalocean token", "azure client secret", "json web token"),
    "private key",
)
FORMATS: Final[dict[str, Format]] = {
    **{kind: KEYS[kind] for kind in _NAMED_HERE},
    "google AQ token": _after("AQ.Ab8", URLSAFE, 48),
    "slack app token": _split("xapp-1-A0", 10, "-6219-", 64),
    "slack webhook": _split("https://hooks.slack.com/services/T0", 9, "/B0AB12CD34/", 24),
    "stripe restricted key": _after("rk_live_", ALNUM, 24),
    "voyage key": _after("pa-", URLSAFE, 43),
    "pinecone key": _split("pcsk_", 6, "_", 63),
    "twilio key": _after("SK", HEX, 32),
    "doppler token": _after("dp.pt.", ALNUM, 43),
    "supabase token": _after("sbp_", HEX, 40),
    "supabase secret": _after("sb_secret_", URLSAFE, 31),
    "age key": _after("AGE-SECRET-KEY-1", UPPER + DIGITS, 58),
    "azure key of 84": _after("", ALNUM, 52, "JQQJ99BCACYeBjFXJ3w3AAABACOGabcd"),
    "cookie": _after("Cookie: session=", URLSAFE, 40),
    "set-cookie": _after("Set-Cookie: __cf_bm=", URLSAFE, 43, "; path=/; HttpOnly"),
    "basic": _basic,
    "digest": _digest,
    "bearer": _after("Bearer ", BASE36, 40),
    "connection string": _after("postgresql://app:", ALNUM, 16, "@10.20.30.40:5432/chat"),
    "storage connection": _after("AccountName=acme;AccountKey=", BASE64, 86, "=="),
    "token in an address": _after("https://", ALNUM, 40, "@git.example.com/x.git"),
    "key behind a letter": _after("keysk-proj-", URLSAFE, 120),
    "key across a line end": lambda d: (
        f"sk-proj-{d.of(ALNUM, 60)}\n    {(core := d.of(ALNUM, 60))}",
        core,
    ),
    "key soon across a line end": lambda d: (
        f"sk-ant-api03-{d.of(ALNUM, 6)}\n{(core := d.of(ALNUM, 60))}",
        core,
    ),
    "key behind an escape": lambda d: (f"\\u0073k\\u002dproj-{(core := d.of(ALNUM, 60))}", core),
    "key with zero-width characters": lambda d: (
        f"sk\u200b-proj-{d.of(ALNUM, 8)}\u200b{(core := d.of(ALNUM, 40))}",
        core,
    ),
}
SENTENCES: Final = (
    "{}",
    "Incorrect API key provided: {}.",
    "401 Unauthorized: {} was refused",
    "The key '{}' is expired.",
    'could not use "{}" for this call',
    "status 503 with `{}`",
    "request failed (credential {})",
    "token={}&model=x",
    "got {}, wanted another one",
    "[{}] is not valid",
    "\nlog line\n{}\nnext line",
    "see https://example.com/a for {}",
    "密钥{}无效",
    "error {}\\nat main.py",
    "<b>{}</b> rejected",
    "used={}; retry later",
    "header: {}",
    "tried {} twice",
    "-> {} <-",
    "upstream said: {} (HTTP 401)",
)
"""What programs write around a key."""
