"""Values beside a name that gives them away, in any text: JSON, headers, flags, sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from chatlab.corpus.sanitizer.placeholders import NUMBER
from chatlab.corpus.sanitizer.sensitive_names import (
    COOKIE,
    OTHER_SCRIPTS,
    Named,
    Strictness,
    lookup_key,
    must_redact,
    names_its_neighbour,
)
from chatlab.text.secrets import start

Take = Callable[[str, str, str], str]
"""From kind, value and form to the placeholder that replaces the value."""


def end(inside: str = "") -> str:
    """The pattern of where a value can end: before no letter or digit of ASCII and none of
    `inside`; letters of other scripts stand next to values without a space."""
    return rf"(?![A-Za-z0-9{inside}]|_[A-Za-z0-9])"


_PAIR: Final = re.compile(
    rf"""(?=[A-Za-z_\u0400-\uffee])(?:(?<![A-Za-z0-9_.-])|(?<=%[0-9A-Fa-f]{{2}}))
    (?P<name>(?=[^\x00-\x7f])(?:{"|".join(OTHER_SCRIPTS)})
      |_{{0,2}}[A-Za-z][A-Za-z0-9_.-]{{1,60}}
       (?:\ (?:id|ID|Id|key|Key|token|group|name|number|hash))?)
    (?P<gap>\\{{0,8}}["'`”]?
      (?: \ {{0,3}}(?:=>|:=|[:=：＝为是]|%3[ADad]|\bis\b)\ {{0,3}}
          (?:<(?:strong|b|code|span|em|td)\b[^<>]{{0,80}}>\ ?)?
          (?:Optional\(|[\[(]|b(?=\\{{0,8}}["']))?
      | (?<=["'])\ {{0,3}},\ {{0,3}}b?
      | (?<=[A-Za-z\u0400-\uffee])>(?=[^<\s]{{4,300}}</) ))
    (?P<quote>\\{{0,8}}["'`“])?""",
    re.VERBOSE,
)
_GAPS: Final = (":", "=", ">", ",", " is ", "%3", *"：＝为是")
_FLAG: Final = re.compile(
    r"""(?<![A-Za-z0-9_-])--?(?P<name>[A-Za-z][A-Za-z0-9._-]{1,40})(?:[ ]{1,3}|=)
    (?P<quote>\\{0,8}["'])?(?P<value>[^\s"'\\-][^\s"'\\]{3,1023})""",
    re.VERBOSE,
)
_LOGIN: Final = re.compile(
    r"(?<![\w-])(?:-u|--user|--proxy-user)[ =]{1,3}[\"']?"
    r"(?P<user>[^\s:\"']{1,128}):(?P<value>[^\s\"']{1,512})"
)
_SAID_PASSWORD: Final = re.compile(
    r"(?i:\bpass(?:word|phrase|wd)) {1,2}(?:was |is )?\\{0,8}(?P<quote>[\"'`])"
    r"(?P<value>[^\s\"'`\\]{4,128})\\{0,8}(?P=quote)"
)
_OPENAI_LIMIT: Final = re.compile(r" in organization (?P<value>[A-Za-z0-9][\w-]{2,63}) on ")
_SENTENCE: Final = re.compile(
    r"(?=[a-zA-Z])"
    + start("_-")
    + r"""(?P<name>(?:(?:request|trace|session|ray|call|run|thread|log|correlation|activity|key
        |client|project|organi[sz]ation|account|team|user|tenant|workspace|subscription|customer)
        [ _-]?(?:id|key|token|number|hash) | (?:api|access|secret)[ _-]?(?:key|token)
      | project|organi[sz]ation|account|team|user|tenant|workspace|customer|key|token|password
      | trace|span))
    \ {1,2}(?:\#|no\.\ |was\ |is\ |=\ )?[(\[<]?(?P<quote>\\{0,8}["'`“])?
    (?P<value>[A-Za-z0-9][A-Za-z0-9_.@=/+-]{3,255})""",
    re.VERBOSE | re.IGNORECASE,
)
_INTRODUCTIONS: Final = (
    *("request", "trace", "session", "ray", "call", "run", "thread", "log", "correlation"),
    *("activity", "key", "client", "project", "organi", "account", "team", "user", "tenant"),
    *("workspace", "subscription", "customer", "secret", "token", "password"),
)
_BARE: Final = re.compile(
    r"""(?:[^\s"'`“”‘’\\,;&<>(){}\[\]|=\x1b\u2e80-\uffee]{1,1024}+
    | [^\s"'`“”‘’\\,;&<>(){}\[\]|\x1b，。；）（=]{1,1024}+)={0,2}""",
    re.VERBOSE,
)
_LINE: Final = re.compile(r"""[^\r\n"\\]{1,8192}""")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_CRUMB: Final = re.compile(r"[^\s=;,]=[^\s=]")
_ENCODED_END: Final = re.compile(r"%(?:0[AaDd]|2[026789Cc]|3[BbCcEe]|5[BbDd]|7[BbDd])")
_MAX_QUOTED: Final = 4096


def redact_pairs(text: str, take: Take) -> str:
    """`text` without the values that the names beside them give away."""
    if not any(sign in text for sign in _GAPS):
        return text
    pieces: list[str] = []
    done = 0
    for pair in _PAIR.finditer(text):
        if pair.start() < done:
            continue
        name = _unescaped(text, pair)
        named = lookup_key(name)
        if named is None or not _is_pair(text, pair):
            continue
        if named.strictness is Strictness.LONG and text[pair.start() - 1 : pair.start()] in (
            "?",
            "&",
        ):
            named = _CODE
        start, end = pair.end(), _value_end(text, pair, named)
        value = text[start:end]
        if name.isascii() and not pair["quote"] and _is_code(text, pair, value):
            continue
        if named.kind == COOKIE and not _CRUMB.search(value):
            continue
        if not name.isascii() and not value.isascii():
            continue
        loosely = named.strictness is not Strictness.RANDOM and _in_a_sentence(
            text, name, pair, end
        )
        if must_redact(named, value, loosely=loosely):
            quoted_name = any(quote in pair["gap"] for quote in "\"'")
            bare_number = value.isdecimal() and not pair["quote"] and quoted_name
            form = NUMBER if bare_number else named.form
            pieces += (text[done:start], take(named.kind, value, form))
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


def redact_flags(text: str, take: Take) -> str:
    """`text` without the secrets in command lines: ``--api-key X``, ``-u name:password``."""
    if "--" not in text and " -u" not in text and "-D" not in text:
        return text

    def flag(match: re.Match[str]) -> str:
        named = lookup_key(match["name"])
        if named is None or named.kind == COOKIE or not must_redact(named, match["value"]):
            return match[0]
        return replaced(match, "value", take(named.kind, match["value"], named.form))

    def login(match: re.Match[str]) -> str:
        if not must_redact(_PASSWORD, match["value"]):
            return match[0]
        user = take("user", match["user"], "user_{}")
        start = match.start()
        before = match[0][: match.start("user") - start]
        return f"{before}{user}:{take('password', match['value'], '{}')}"

    return _LOGIN.sub(login, _FLAG.sub(flag, text))


_PASSWORD: Final = Named("password", "{}", Strictness.SECRET, "")
_CODE: Final = Named("token", "{}", Strictness.RANDOM, "")
"""What ``code`` is in a query: the code of a login, however short."""


def redact_sentences(text: str, take: Take) -> str:
    """`text` without the ids and names that a sentence introduces: ``organization acme-9f3c2b``."""

    def said(match: re.Match[str]) -> str:
        name, value = match["name"], match["value"].rstrip(".=/-")
        named = lookup_key(name) or lookup_key(f"{name} id")
        if named is None or (value.isdecimal() and not name.lower().endswith(_NUMBERED)):
            return match[0]
        quoted = match["quote"] is not None and named.strictness is Strictness.NAMED
        if not must_redact(named, value, loosely=not quoted):
            return match[0]
        return replaced(match, "value", take(named.kind, value, named.form), len(value))

    def unchanged_form(match: re.Match[str]) -> str:
        named = lookup_key("password" if "pass" in match[0].lower() else "organization")
        if named is None or not must_redact(named, match["value"]):
            return match[0]
        return replaced(match, "value", take(named.kind, match["value"], named.form))

    low = text.lower()
    if not any(word in low for word in _INTRODUCTIONS):
        return text
    text = _SENTENCE.sub(said, text)
    if " in organization " in text:
        text = _OPENAI_LIMIT.sub(unchanged_form, text)
    return _SAID_PASSWORD.sub(unchanged_form, text) if "pass" in low else text


_NUMBERED: Final = ("id", "number", "account")


def replaced(match: re.Match[str], group: str, now: str, length: int | None = None) -> str:
    """What was matched, with `now` for the first `length` characters of `group`, or all of it."""
    begin = match.start(group) - match.start()
    end = match.end(group) - match.start() if length is None else begin + length
    return f"{match[0][:begin]}{now}{match[0][end:]}"


def _unescaped(text: str, pair: re.Match[str]) -> str:
    name = pair["name"]
    if pair.start() and text[pair.start() - 1] == "\\":
        return name[5:] if name.startswith("u00") else name[1:] if name[0] in "nrt" else name
    return name


def _is_pair(text: str, pair: re.Match[str]) -> bool:
    """Whether what a comma parts are a name and its value: both quoted, at a bracket."""
    if "," not in pair["gap"]:
        return True
    before = text[max(0, pair.start() - 12) : pair.start()].rstrip("\\\"'b")
    in_a_pair = pair["quote"] is not None and before.endswith(("(", "["))
    return in_a_pair and names_its_neighbour(pair["name"])


def _is_code(text: str, pair: re.Match[str], value: str) -> bool:
    """Whether `value` is an expression in a line of source code, as tracebacks quote them."""
    if not _IDENTIFIER.fullmatch(value):
        return False
    name, gap, after = pair["name"], pair["gap"], pair.end() + len(value)
    if text[after : after + 1] in ("(", "["):
        return True
    if name.isupper() or text[pair.start() - 1 : pair.start()] in ("?", "&", ";"):
        return False
    plain = not any(map(str.isdigit, value))
    written = "_" in value or "." in value
    if any(quote in gap for quote in "\"'"):
        return plain and written
    if _GOES_ON.match(text, after):
        return False
    return plain and "=" in gap and (written or " " in gap or value == name)


_GOES_ON: Final = re.compile(r" (?!(?:and|or|if|else|is|not|in|for|as)\b)[a-z]{2,} ")
"""What makes the words after a value those of a sentence, not of a program."""


def _in_a_sentence(text: str, name: str, pair: re.Match[str], end: int) -> bool:
    """Whether name and value are words of a sentence: no header, setting, member or argument."""
    gap = pair["gap"]
    marked = pair["quote"] is not None or any(mark in gap for mark in "=\"'>%：＝")
    around = text[pair.start() - 1 : pair.start()], text[end : end + 1]
    marked = marked or around in (("'", "'"), ('"', '"'), ("`", "`"))
    if marked or "-" in name or name.isupper():
        return False
    if "_" in name or name.lower().endswith(("name", "id")):
        return text[end : end + 1] not in _VALUE_ENDS
    before = text[max(0, pair.start() - 40) : pair.start()].rpartition("\n")[2]
    return bool(before.strip(" \t<>*-")) or text[end : end + 1] not in ("", "\n", "\r")


_VALUE_ENDS: Final = ("", "\n", "\r", ",", ";", ")", "]", "}", "|", "\\", "<", '"', "'")


def _value_end(text: str, pair: re.Match[str], named: Named) -> int:
    start, quote = pair.end(), pair["quote"]
    if quote:
        end = _closing(text, start, quote.replace("“", "”"))
        if end >= 0:
            return end
    whole_line = named.kind == COOKIE and ":" in pair["gap"]
    bare = (_LINE if whole_line else _BARE).match(text, start)
    if bare is None:
        return start
    value = _ENCODED_END.split(bare[0], maxsplit=1)[0] if "%3" in pair["gap"] else bare[0]
    return start + len(value.rstrip(" .:!?*'"))


def _closing(text: str, start: int, quote: str) -> int:
    """Where the quoted value ends: at the same quotation mark, escaped no further; else -1."""
    limit = start + _MAX_QUOTED
    line_end = text.find("\n", start, limit)
    position, limit = start, limit if line_end < 0 else line_end
    while True:
        position = text.find(quote, position, limit)
        if position <= start or text[position - 1] != "\\":
            return position
        position += len(quote)
