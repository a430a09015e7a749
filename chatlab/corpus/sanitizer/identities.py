"""Who and where, by form: cloud accounts, mail and network addresses, ids, phone numbers."""

from __future__ import annotations

import re
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from chatlab.corpus.sanitizer.escapes import as_read
from chatlab.corpus.sanitizer.hosts_and_paths import in_documentation_link
from chatlab.corpus.sanitizer.key_value import Take, end, replaced
from chatlab.corpus.sanitizer.placeholders import IPV4, IPV6, PHONE, is_own
from chatlab.text.secrets import start

_ARN: Final = re.compile(
    r"(?P<before>arn:aws[a-z-]{0,12}:[a-z0-9-]{1,40}:[a-z0-9-]{0,20}:)(?P<account>\d{12})?(?P<colon>:?)"
    r"(?P<rest>[^\s\"'`\\,;&)}\]<>\x1b]{0,512})"
)
_PUBLIC_RESOURCE: Final = re.compile(r"(?:foundation-model|inference-profile)\b|aws:|\*?$|root$")
_RESOURCE: Final = re.compile(r"(?P<type>[a-z][a-z-]{1,40}[/:])?(?P<name>.*)")
_ACCOUNT: Final = re.compile(
    r"(?i)\baccount(?:[ _-]?(?:id|number|no\.?))?\\?[\"']?[^\w\n]{1,6}"
    r"(?P<value>\d{12})(?!\d)"
)
_TUNED: Final = re.compile(
    r"\b(?P<base>ft:[a-z0-9.-]{3,60}):(?P<rest>[A-Za-z0-9_-]{1,80}:[A-Za-z0-9_-]{0,80}:[A-Za-z0-9_-]{4,80})"
)
_EMAIL: Final = re.compile(
    start("._%+-") + r"(?P<user>[A-Za-z0-9À-ɏ._%+-]{1,64}+)@"
    r"(?P<host>[A-Za-z0-9À-ɏ-]{1,63}(?:\.[A-Za-z0-9À-ɏ-]{1,63}){0,5}\.(?P<top>[A-Za-z]{2,18}))"
    + end("-")
)
_USERINFO: Final = re.compile(r"://[^\s/@]*$")
_PUBLIC_USERS: Final = frozenset(
    (
        *("support", "help", "sales", "info", "contact", "abuse", "security", "privacy", "noreply"),
        *("no-reply", "billing", "api", "feedback", "trust", "legal", "usersafety", "git", "bugs"),
    )
)
_PUBLIC_MAIL: Final = frozenset(
    (
        *("openai.com", "anthropic.com", "google.com", "microsoft.com", "amazon.com", "mistral.ai"),
        *("groq.com", "x.ai", "deepseek.com", "openrouter.ai", "vercel.com", "github.com"),
        *("cohere.com", "perplexity.ai", "together.ai", "fireworks.ai", "huggingface.co"),
        *("nvidia.com", "python.org", "cloudflare.com", "moonshot.cn", "gitlab.com"),
        *("replicate.com", "example.com", "apple.com", "moonshot.ai", "cerebras.ai"),
    )
)
_NO_TOP: Final = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "py", "json", "md"})
_IPV4: Final = re.compile(
    r"(?=\d)" + start(".-") + r"(?<![A-Za-z]/)(?:\d{1,3}\.){3}\d{1,3}(?!\.\d)" + end("-")
)
_IPV6: Final = re.compile(r"(?<![A-Za-z0-9:.])[0-9A-Fa-f:]{3,46}+(?!\.\d)" + end(":"))
_THREE: Final = re.compile(r"[^:]{3}")
_VERSION_OF: Final = re.compile(r"[A-Za-z]/$")
_LOOPBACK: Final = re.compile(r"::1:\d{1,5}")
_SHORT_COLONS: Final = 3
_COLONS: Final = 7
"""Those of a whole address; where there is one more, a port follows."""

_A_VERSION: Final = re.compile(
    r"(?i)(?:version|\bver|\bv|build|release|driver|revision|[=<>~]=)[ \"':=]{0,3}$"
)
_KEPT: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "255.255.255.255/32", "192.0.2.0/24"),
            *("198.51.100.0/24", "203.0.113.0/24", "8.8.8.8/32", "8.8.4.4/32", "1.1.1.1/32"),
            *("1.0.0.1/32", "10.0.0.0/32", "172.16.0.0/32", "192.168.0.0/32", "::/127"),
            *("2001:db8::/32", "fd00:ec2::254/128"),
        ),
    )
)
_MAC: Final = re.compile(r"(?<![A-Za-z0-9:-])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}" + end(":-"))
_UUID: Final = re.compile(
    r"(?=[0-9a-fA-F]{8}-)(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![A-Za-z0-9])"
)
_DUMMY_DIGITS: Final = 4
"""A UUID of fewer different characters, hyphen included, was made up, not generated."""

_COUNTED: Final = "12345678901234567890 0123456789abcdef0123456789abcdef"
"""A UUID of nothing but digits in their order was made up too."""

_EDGE: Final = re.compile(
    r"(?:\bReference\s?\\?#\s?|\b[a-z]{3}\d::)(?P<value>[a-z0-9][a-z0-9.:-]{12,100})"
)
_PHONE: Final = re.compile(
    r"""(?<![A-Za-z0-9.+/=#-])(?:
      (?!\+1-555-01\d\d)\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}
    | (?:1[ .-])?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[.-])[2-9]\d{2}[.-]\d{4})(?!\.\d|[A-Za-z0-9-])""",
    re.VERBOSE,
)


def redact_identities(text: str, take: Take) -> str:
    """`text` without accounts, addresses, ids and numbers of people and machines."""
    if "arn:aws" in text:
        text = _ARN.sub(lambda match: _arn(match, take), text)
    if "ccount" in text:
        text = _ACCOUNT.sub(lambda match: _account(match, take), text)
    if "ft:" in text:
        text = _TUNED.sub(lambda match: _tuned(match, take), text)
    if "@" in text:
        text = _EMAIL.sub(lambda match: _email(match, take), text)
    text = _IPV4.sub(lambda match: _address(match, IPV4, take), text)
    if ":" in text:
        text = _MAC.sub(lambda match: take("MAC address", match[0], "{}"), text)
        text = _IPV6.sub(lambda match: _address(match, IPV6, take), text)
    if "-" in text:
        text = _UUID.sub(lambda match: _uuid(match, take), text)
    if "::" in text or "Reference" in text:
        text = _EDGE.sub(lambda match: _edge(match, take), text)
    text = _PHONE.sub(lambda match: _phone(match[0], take), text)
    for kind, sign, form in _SAID_NUMBERS:
        if sign in text:
            text = form.sub(partial(_said, kind=kind, take=take), text)
    return text


def _arn(match: re.Match[str], take: Take) -> str:
    account = match["account"]
    shown = take("account", account, "{}") if account else ""
    rest = match["rest"].rstrip(".:")
    end = match["rest"][len(rest) :]
    if not _PUBLIC_RESOURCE.match(rest):
        resource = _RESOURCE.match(rest)
        name = rest if resource is None else resource["name"]
        if name and not is_own(rest) and not is_own(name) and name != "*":
            rest = f"{rest[: len(rest) - len(name)]}{take('name in an ARN', name, '{}')}"
    return f"{match['before']}{shown}{match['colon']}{rest}{end}"


def _account(match: re.Match[str], take: Take) -> str:
    return replaced(match, "value", take("account", match["value"], "{}"))


def _tuned(match: re.Match[str], take: Take) -> str:
    rest = match["rest"]
    if is_own(rest.partition(":")[0]):
        return match[0]
    return f"{match['base']}:{take('name of a tuned model', rest, '{}::{}')}"


def _email(match: re.Match[str], take: Take) -> str:
    if match["host"] == "example.com":
        return match[0]
    user, host = match["user"].lower(), match["host"].lower()
    public = host == "example.com" or (user in _PUBLIC_USERS and host in _PUBLIC_MAIL)
    if public or match["top"].lower() in _NO_TOP or is_own(match[0]):
        return match[0]
    if _USERINFO.search(match.string, max(0, match.start() - 120), match.start()):
        return match[0]
    return take("e-mail address", match[0], "{}@example.com")


def _address(match: re.Match[str], form: str, take: Take) -> str:
    value = match[0]
    port = ""
    if form == IPV6:
        if not _is_like_ipv6(value) or _LOOPBACK.fullmatch(value):
            return value
        if value.count(":") == _COLONS + 1:
            value, colon, port = value.rpartition(":")
            port = colon + port
    try:
        address = ip_address(value)
    except ValueError:
        return match[0]
    before = as_read(match.string[max(0, match.start() - 24) : match.start()])
    if form == IPV4 and _VERSION_OF.search(before):
        return match[0]
    if any(address in network for network in _KEPT) or _A_VERSION.search(before):
        return match[0]
    return take("IP address", value, form) + port


def _is_like_ipv6(value: str) -> bool:
    """Whether hexadecimal digits and colons are more than a time, a ratio or a C++ name."""
    colons = value.count(":")
    compact = "::" in value or colons in (_COLONS, _COLONS + 1)
    long = colons > _SHORT_COLONS or _THREE.search(value) is not None
    return compact and long and any(map(str.isdigit, value))


def _uuid(match: re.Match[str], take: Take) -> str:
    counted = all(group.lower() in _COUNTED for group in match[0].split("-"))
    if (
        counted
        or len(set(match[0])) <= _DUMMY_DIGITS
        or in_documentation_link(match.string, match.start())
    ):
        return match[0]
    return take("id", match[0], "{}")


def _edge(match: re.Match[str], take: Take) -> str:
    value = match["value"].rstrip(".:")
    if is_own(value) or not any(map(str.isdigit, value)):
        return match[0]
    return replaced(match, "value", take("request id", value, "{}"), len(value))


def _phone(found: str, take: Take) -> str:
    value = found
    status = _STATUS_AFTER.search(value)
    if status and sum(map(str.isdigit, value)) > _DIGITS_WITH_A_STATUS:
        value = value[: status.start()]
    count = sum(map(str.isdigit, value))
    if is_own(value) or not 8 <= count <= 15:
        return found
    return take("phone number", value, PHONE) + found[len(value) :]


_STATUS_AFTER: Final = re.compile(r" [1-5]\d\d$")
_DIGITS_WITH_A_STATUS: Final = 12


def _said(match: re.Match[str], kind: str, take: Take) -> str:
    value = _STATUS_AFTER.sub("", match["value"])
    if is_own(value) or sum(map(str.isdigit, value)) < _LEAST_DIGITS:
        return match[0]
    now = take(kind, value, PHONE if kind == "phone number" else "{}")
    return replaced(match, "value", now, len(value))


_LEAST_DIGITS: Final = 8
_SAID_NUMBERS: Final = (
    (
        "phone number",
        "el",
        re.compile(
            r"(?<![A-Za-z0-9])[Tt]el(?:ephone)?\.?:? ?"
            r"(?P<value>\(?0\d[\d ()/.-]{5,18}\d)(?![A-Za-z0-9-])"
        ),
    ),
    (
        "card number",
        "card",
        re.compile(r"(?<![A-Za-z0-9])card (?:number )?(?P<value>\d(?:[ -]?\d){12,18})(?!\d)"),
    ),
    (
        "bank account",
        "IBAN",
        re.compile(r"IBAN:? ?(?P<value>[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30})(?![A-Za-z0-9])"),
    ),
    ("identity number", "身份证", re.compile(r"身份证号?码?[ :：]{0,2}(?P<value>\d{17}[\dXx])")),
)
"""Numbers of people and accounts that nothing but the word before them gives away."""
