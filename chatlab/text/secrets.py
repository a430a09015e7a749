"""What a secret is: the prefixes and shapes of keys, tokens and passwords, and how to find them.

The table is data. `chatlab.corpus.sanitizer` and `chatlab.errors.redact` both read it, so that
what one of them finds the other finds too. Nothing is compiled before the first search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from chatlab.text.randomness import looks_random

TOKEN: Final = r"[A-Za-z0-9_-]{16,4096}"
SHORT: Final = r"[A-Za-z0-9_-]{8,4096}"
DOTTED: Final = r"[A-Za-z0-9_.~-]{16,4096}"
BASE64: Final = r"[A-Za-z0-9+/_-]{12,4096}={0,2}"
UPPER: Final = r"[A-Z0-9]{12,128}(?![a-z])"
"""What may follow a prefix."""


@dataclass(frozen=True, slots=True)
class Prefixed:
    """Values that begin with one of `prefixes` and continue as the pattern `tail` says."""

    kind: str
    tail: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Values with a form of their own. sign: a part that each has; pattern: the form.

    A group ``value`` in the pattern is the secret; without one the whole match is.
    """

    kind: str
    sign: str
    pattern: str


KEYS: Final = (
    Prefixed(
        "OpenAI key",
        SHORT,
        ("sk-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-service-", "sk-None-", "ek_"),
    ),
    Prefixed(
        "Anthropic key",
        TOKEN,
        (
            *("sk-ant-", "sk-ant-api03-", "sk-ant-admin01-", "sk-ant-oat01-", "sk-ant-ort01-"),
            *("sk-ant-sid01-", "sk-ant-sid02-"),
        ),
    ),
    Prefixed("Alibaba key", TOKEN, ("LTAI", "ALTAK-")),
    Prefixed("OpenRouter key", TOKEN, ("sk-or-", "sk-or-v1-")),
    Prefixed("Google API key", TOKEN, ("AIza",)),
    Prefixed("Google token", DOTTED, ("ya29.", "AQ.", "1//0", "GOCSPX-")),
    Prefixed("AWS access key id", UPPER, ("AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA", "AGPA")),
    Prefixed("Bedrock API key", BASE64, ("ABSK", "bedrock-api-key-")),
    Prefixed("Groq key", TOKEN, ("gsk_",)),
    Prefixed("xAI key", TOKEN, ("xai-", "xai-token-")),
    Prefixed("Hugging Face token", TOKEN, ("hf_", "api_org_")),
    Prefixed("Perplexity key", TOKEN, ("pplx-",)),
    Prefixed("Replicate token", TOKEN, ("r8_",)),
    Prefixed("NVIDIA key", TOKEN, ("nvapi-",)),
    Prefixed("Cerebras key", TOKEN, ("csk-",)),
    Prefixed("Fireworks key", TOKEN, ("fw_", "fw-")),
    Prefixed("Together key", TOKEN, ("tgp_v1_", "tgp_")),
    Prefixed("Cohere key", TOKEN, ("co_", "cohere_")),
    Prefixed("Voyage key", TOKEN, ("pa-",)),
    Prefixed("Vercel token", TOKEN, ("vck_", "vcp_", "vci_", "vca_", "vcr_", "vercel_blob_rw_")),
    Prefixed("Databricks token", TOKEN, ("dapi",)),
    Prefixed("ElevenLabs key", TOKEN, ("sk_", "xi-")),
    Prefixed(
        "model host's key",
        TOKEN,
        (
            *("rpa_", "cpk_", "esecret_", "flp_", "psk-", "ak-", "as-", "jina_"),
            *("tvly-", "tvly-dev-", "fc-", "e2b_", "pcsk_", "lsv2_pt_", "lsv2_sk_", "sk-lf-"),
            *("pk-lf-", "sk-helicone-", "pk-helicone-", "ollama-", "sess-", "zai-", "key-"),
        ),
    ),
    Prefixed(
        "GitHub token",
        TOKEN,
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "ghv_"),
    ),
    Prefixed(
        "GitLab token", DOTTED, ("glpat-", "gldt-", "glrt-", "glptt-", "glsoat-", "glcbt-", "glft-")
    ),
    Prefixed(
        "Slack token",
        TOKEN,
        ("xoxb-", "xoxp-", "xoxa-", "xoxa-2-", "xoxr-", "xoxs-", "xoxe-", "xoxe.xoxp-", "xapp-"),
    ),
    Prefixed(
        "Stripe key",
        TOKEN,
        (
            *("sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_"),
            *("cs_live_", "cs_test_"),
        ),
    ),
    Prefixed("npm token", TOKEN, ("npm_",)),
    Prefixed("PyPI token", TOKEN, ("pypi-",)),
    Prefixed("Docker token", TOKEN, ("dckr_pat_", "dckr_oat_")),
    Prefixed("SendGrid key", DOTTED, ("SG.",)),
    Prefixed("Vault token", DOTTED, ("hvs.", "hvb.", "hvr.")),
    Prefixed("Supabase key", TOKEN, ("sbp_", "sb_secret_", "sb_publishable_")),
    Prefixed("Linear key", TOKEN, ("lin_api_", "lin_oauth_")),
    Prefixed("Notion token", TOKEN, ("ntn_", "secret_")),
    Prefixed("DigitalOcean token", TOKEN, ("dop_v1_", "doo_v1_", "dor_v1_")),
    Prefixed("Shopify token", TOKEN, ("shpat_", "shpca_", "shppa_", "shpss_")),
    Prefixed("Grafana token", TOKEN, ("glsa_", "glc_")),
    Prefixed("Sentry token", BASE64, ("sntrys_", "sntryu_")),
    Prefixed("Atlassian token", BASE64, ("ATATT3", "ATCTT3")),
    Prefixed("age secret key", UPPER, ("AGE-SECRET-KEY-1",)),
    Prefixed("New Relic key", UPPER, ("NRAK-",)),
    Prefixed(
        "service key",
        DOTTED,
        (
            *(
                "PMAK-",
                "dp.pt.",
                "dp.st.",
                "figd_",
                "pscale_tkn_",
                "sl.",
                "HRKU-",
                "FlyV1 ",
            ),
            *("cfut_", "cfat_", "sq0atp-", "sq0csp-", "rubygems_", "nfp_", "pul-", "bkua_"),
            *("wandb_v1_", "pat-na1-", "pat-eu1-"),
        ),
    ),
)
"""Secrets with a prefix."""


def start(inside: str = "") -> str:
    """The pattern of where a value can begin: not after a letter, a digit or one of `inside`, but
    after an escape such as ``\\n`` or ``%22``."""
    return (
        rf"(?:(?<![A-Za-z0-9\\%{inside}])(?<!\x1b\[)|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{{2}})"
        r"|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2}))"
    )


_AFTER: Final = start("_-")

SHAPES: Final = (
    Shape(
        "private key",
        "PRIVATE KEY",
        r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[A-Za-z0-9+/=:,.\s]|\\{1,8}(?:[nr/]|u[0-9A-Fa-f]{4})|-(?!-))*+"
        r"(?:-----END (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    Shape(
        "JSON web token",
        "eyJ",
        start() + r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+){0,3}",
    ),
    Shape(
        "token",
        ".",
        r"(?=[MNO])(?<![A-Za-z0-9_-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}",
    ),
    Shape("token", ":AA", _AFTER + r"\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    Shape("login", ":thin:", r"(?<=:thin:)[^\s/@:]{1,64}/[^\s/@]{1,128}(?=@)"),
    Shape(
        "login",
        ":5432:",
        r"(?<=:5432:)[\w*-]{1,63}:(?P<value>[^\s:/@\"'<>\\]{1,63}:[A-Za-z0-9_!$%^+*.-]{4,128})",
    ),
    Shape("Azure client secret", "Q~", _AFTER + r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    Shape("Azure key", "JQQJ99", _AFTER + r"[A-Za-z0-9]{40,52}JQQJ99[A-Za-z0-9]{20,30}"),
    Shape("Azure key", "AAAAAC", _AFTER + r"[A-Za-z0-9]{60,80}AAAAAC[A-Za-z0-9]{4,8}"),
    Shape("webhook", "hooks.slack.com", r"(?<=hooks\.slack\.com/)[a-z]{6,12}/[A-Za-z0-9/]{20,80}"),
    Shape("webhook", "/webhooks/", r"(?<=/webhooks/)\d{15,20}/[A-Za-z0-9_-]{40,90}"),
    Shape("Twilio key", "SK", _AFTER + r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    Shape("Twilio account", "AC", _AFTER + r"AC[0-9a-f]{32}(?![A-Za-z0-9])"),
)
"""Secrets with a form of their own."""

USERINFO: Final = (
    r"(?P<scheme>(?<![A-Za-z0-9+.-])[A-Za-z0-9][A-Za-z0-9+.-]{1,20}:(?:\\?/){2})"
    r"(?P<user>[^\s/:@\"'<>\\?#]{0,200})(?P<colon>:?)(?P<password>[^\s/\"'<>\\?#]{0,300})"
    r"@(?=[\w\[]|$)"
)
"""A name, a password or a token in an address."""

SCHEMES: Final = (
    *("bearer", "basic", "token", "api-?key", "key", "negotiate", "ntlm", "sharedkey", "digest"),
)
"""The words before credentials, in a header or a sentence."""

SECRET_NAMES: Final = (
    *("api[-_ ]?key", "(?:subscription|account|access|private|secret|signing|master)[-_ ]?key"),
    *("shared[-_ ]?access[-_ ]?key", "secret[-_ ]?access[-_ ]?key", "authorization", "x-api-key"),
    *(
        "secret",
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "signature",
        "sig",
        "client[-_ ]?secret",
    ),
    *(
        "(?:access|refresh|session|security|auth|id|api)[-_ ]?token",
        "(?:set-)?cookie",
        "credential",
    ),
)
"""Patterns of the names whose values are secrets in any form."""


class PrefixTable:
    """Finds the values that begin with a prefix of some rows, in one pass over a text."""

    def __init__(self, rows: Sequence[Prefixed]) -> None:
        self._rows: Final = {prefix: row for row in rows for prefix in row.prefixes}

    @cached_property
    def opening(self) -> re.Pattern[str]:
        """The pattern of the longest prefix at each place."""
        return re.compile(longest_of(sorted(self._rows)))

    @cached_property
    def _tails(self) -> dict[str, re.Pattern[str]]:
        return {row.tail: re.compile(row.tail) for row in self._rows.values()}

    def find(
        self, text: str, accepts: Callable[[Prefixed, str], bool]
    ) -> Iterator[tuple[Prefixed, str, int, int]]:
        """Row, prefix, begin and end of each value whose tail is one that `accepts` takes.

        Each character is looked at a bounded number of times: behind a tail that was refused the
        search goes on at its end.
        """
        done = doubtful = 0
        refused = dict.fromkeys(self._tails, 0)
        for opening in self.opening.finditer(text):
            prefix, begin = opening[0], opening.start()
            row = self._rows[prefix]
            alone = _stands_alone(text, begin)
            least = doubtful if len(prefix) >= _CERTAIN_PREFIX_CHARS else len(text)
            if begin < max(done, refused[row.tail], 0 if alone else least):
                continue
            tail = self._tails[row.tail].match(text, opening.end())
            if tail is None:
                continue
            if not alone and not _is_certain(prefix, tail[0]):
                doubtful = tail.end()
                continue
            if not accepts(row, tail[0]):
                refused[row.tail] = tail.end() if row.tail in _TAILS else opening.end()
                continue
            done = opening.end() + len(tail[0].rstrip("."))
            yield row, prefix, begin, done

    def cut(self, text: str, rest: re.Pattern[str]) -> Iterator[tuple[int, int]]:
        """Begin and end of what `rest` matches right behind a prefix, in its group ``rest``.

        For a key whose prefix is the last thing on its line.
        """
        for opening in self.opening.finditer(text):
            if len(opening[0]) < _CERTAIN_PREFIX_CHARS or not _stands_alone(text, opening.start()):
                continue
            match = rest.match(text, opening.end())
            if match is not None:
                yield opening.start(), match.end("rest")


def longest_of(words: Sequence[str]) -> str:
    """One pattern for `words`, sorted, that matches the longest and shares their beginnings."""
    groups: dict[str, list[str]] = {}
    for word in words:
        if word:
            groups.setdefault(word[0], []).append(word[1:])
    inner = "|".join(re.escape(first) + longest_of(rest) for first, rest in groups.items())
    if not inner:
        return ""
    return f"(?:{inner}){'?' if '' in words else ''}"


_TAILS: Final = frozenset((TOKEN, SHORT, DOTTED, BASE64, UPPER))
_CERTAIN_PREFIX_CHARS: Final = 4
_CERTAIN_TAIL_CHARS: Final = 20


def _stands_alone(text: str, begin: int) -> bool:
    return _beginning().match(text, begin) is not None


@cache
def _beginning() -> re.Pattern[str]:
    return re.compile(start())


def _is_certain(prefix: str, tail: str) -> bool:
    """Whether prefix and tail are a key although a letter stands before them."""
    run = re.split("[-_.]", tail, maxsplit=1)[0] if len(prefix) < 7 else tail
    return len(run) >= _CERTAIN_TAIL_CHARS and looks_random(run) and any(map(str.isdigit, run))


def continues_as_key(row: Prefixed, tail: str) -> bool:
    """Whether `tail`, behind a prefix of `row`, makes a key and not a word."""
    if row.tail == UPPER:
        return any(map(str.isdigit, tail)) or 3 * sum(map(tail.count, "AEIOU")) < len(tail)
    return looks_random(tail)
