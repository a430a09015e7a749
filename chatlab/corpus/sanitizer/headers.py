"""Which headers of a failure are kept: an allow-list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from chatlab.corpus.sanitizer.placeholders import WORD, RedactionLog, is_own

ALLOWED_HEADERS: Final = frozenset(
    {"retry-after", "retry-after-ms", "x-should-retry", "content-type", "server", "cf-ray", "via"}
)
ALLOWED_FAMILIES: Final = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-")
EVIDENCE_HEADERS: Final = frozenset({"x-amzn-errortype", "x-ms-error-code", "policy-id"})
"""Headers beyond the allow-list that hold an error code, without which the verdict would change."""

_TYPE: Final = re.compile(r"[\w.+-]{1,80}(?:/[\w.+-]{1,80})?")
_CHARSET: Final = re.compile(r"(;\s{0,9}charset=\"?[\w.-]{1,20}\"?)", re.IGNORECASE)
_STATION: Final = re.compile(
    r"(?P<protocol>(?:[A-Za-z]{2,8}/)?\d(?:\.\d)?) (?P<name>[^\s()]{1,255})"
    r"(?P<comment> \((?P<product>[\w.-]{1,60})(?:/[\w.-]{1,60})?\))?"
)
_PUBLIC_PRODUCTS: Final = frozenset(
    (
        *("google", "varnish", "cloudfront", "envoy", "nginx", "squid", "akamai", "fastly"),
        *("vegur", "caddy", "haproxy", "kong", "traefik", "cloudflare", "azure", "apache"),
        *("vercel", "istio-envoy", "heroku-router", "tengine", "openresty", "apigee", "litellm"),
        *("awselb", "proxy.example.com"),
    )
)
"""Names in ``via`` that name no machine of anybody's."""


def with_allowed_headers(record: Mapping[str, object], log: RedactionLog) -> dict[str, object]:
    """A copy of `record` whose headers are all on the list; `log` notes what was left out.

    ``cf-ray`` stays without its value. ``date`` stays where ``retry-after`` is a date, which is
    measured from it. ``content-type`` keeps its charset and no other parameter; ``via`` keeps
    protocols and public products.
    """
    headers = record.get("headers")
    if headers is None:
        return dict(record)
    if not isinstance(headers, Mapping):
        log.drop("header", "headers")
        return {**record, "headers": {}}
    kept: dict[object, object] = {}
    names = {name: str(name).strip().lower() for name in headers}
    dated = any(
        low == "retry-after" and not str(headers[name]).replace(".", "", 1).strip().isdecimal()
        for name, low in names.items()
    )
    for name, low in names.items():
        if low == "cf-ray":
            kept[name] = WORD
            if headers[name] != WORD:
                log.drop("request id", "headers.cf-ray")
        elif (
            low in ALLOWED_HEADERS
            or low in EVIDENCE_HEADERS
            or low.startswith(ALLOWED_FAMILIES)
            or (dated and low == "date")
        ):
            value = headers[name]
            short = _SHORTENED.get(low)
            kept[name] = short(str(value), log) if short else value
        else:
            harmless = re.fullmatch(r"[a-z][a-z-]{0,40}", low)
            log.drop("header", f"headers.{low if harmless else '(another)'}")
    return {**record, "headers": kept}


def _content_type(value: str, log: RedactionLog) -> str:
    kind, charset = _TYPE.match(value.strip()), _CHARSET.search(value)
    short = f"{kind[0] if kind else ''}{charset[1] if charset else ''}"
    if short != value:
        log.drop("header", "headers.content-type")
    return short


def _via(value: str, log: RedactionLog) -> str:
    stations = []
    for text in value.split(","):
        station = _STATION.fullmatch(text.strip())
        if station is None:
            if text.strip():
                log.drop("header", "headers.via")
            continue
        name, comment = station["name"], station["comment"] or ""
        if name.lower().partition("/")[0] not in _PUBLIC_PRODUCTS and not is_own(name):
            name = log.take("host name", "headers.via", name, "{}")
        if comment and station["product"].lower() not in _PUBLIC_PRODUCTS:
            log.drop("header", "headers.via")
            comment = ""
        stations.append(f"{station['protocol']} {name}{comment}")
    return ", ".join(stations)


_SHORTENED: Final = {"content-type": _content_type, "via": _via}
