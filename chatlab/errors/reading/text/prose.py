"""Which lines of a text speak of its failure, and which only stand around it.

A line speaks when it has the marks of an error: the head of an exception, an error level, a status
with its reason, a code. What continues such a line speaks too. All else is context: it counts only
where no line speaks, and then only a sentence that asserts a failure, not one that explains,
supposes or denies it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from chatlab.text.patterns import lazy

MAX_PROSE_CHARS: Final = 64 * 1024
"""Of longer texts, lines are told apart in the first and the last half of so many characters."""

_MARK: Final = lazy(
    r"""(?: (?<=[a-z0-9_])(?:Error|Exception|Fault|Timeout|Failure|Interrupt(?:ed)?|Closed|Reset
        |Exceeded|Denied|Refused|Abort(?:ed)?|Warning|Cancelled)
        \b[ \t]{0,4}(?:[:{\[-]|\(["'A-Z\[{]|$)
    | (?:^|[\s|\[({>"':])(?:(?i:error|exception|fatal|panic|failure|failed|unhandled|uncaught|err
        |错误|ошибка|fehler|erreur))
      (?:\]|\)|\}|\b)\s{0,2}
      (?:[:=\])]|-\s|—|[\[(]\w|,?\s?(?i:code|status|message|type|reason)\b|\d)
    | (?:^|:)[ \t]{0,8}(?i:error\s(?:sending|while|during|reading|connecting|calling))\b
    | \b(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC|WARN|WARNING)\b
    | (?i:\b(?:http(?:/[\d.]{1,3})?|status(?:[\s_]?code)?|code|error)\b["']?[\s:=(]{0,6}["']?
        [45]\d\d\b)
    | (?<![\w.,:$/-])[45]\d\d(?=[\s:,-]{1,3}["'(]?[A-Z{<\x1a])
    | ^[^\w\n#]{0,16}[45]\d\d[^\w\n]{0,3}$
    | \bE(?:CONN|TIMED|PIPE|HOST|NET|AI_|NOTFOUND|ADDR|PROTO)[A-Z_]{0,40}\b
    | \b(?:UND_)?ERR_[A-Z_]{1,80}\b
    | (?i:\berrno\b|\bos\serror\b|\bcurl:?\s\(\d|\brpc\serror\b|\bgoaway\b|\brst_stream\b)
    | (?i:\bcaused\sby\b|\bcause\]?:|\blast_error\b|\bAn\serror\soccurred\b)
    | ^[ \t|]{0,40}[a-z_]\w{0,40}(?:\.\w{1,80}){0,8}\.[A-Z]\w{1,80}:\s | ^[ \t|]{0,40}[✗✕✘■❌×⚠⛔]
    | \bEOF\b | \b(?:Post|Get|Put|Do)\s\\?"https?://[^"\n]{1,300}":
    | (?i:\btime(?:d\s)?out\s(?:after|of)\s\d
      | ^[^\w\n]{0,16}(?:message|error|detail|reason|cause):\s
      | \b(?:disconnected|interrupted|refused|rejected|denied|aborted|exceeded|unreachable|expired)
        \b[^.:\n]{0,40}:\s
      | \b(?:SSL|TLS|GnuTLS)\b:?\s.{0,40}\b(?:terminated|closed|alert|failed|failure)\b)
    | \berror_(?:code|message|type)\s?[=:]
    | (?:error|message|code|type|reason|detail|statusCode|status)["']?\s{0,2}:\s{0,2}["'\d{] )""",
    re.VERBOSE | re.MULTILINE,
)
_HEAD: Final = lazy(
    r"""^[^\w\n#]{0,16}(?:\[[^\]\n]{0,60}\]\W{0,4}|\d[\d:.,TZ/ +-]{4,40}\W{0,4}
        |[a-z][\w.-]{0,40}[|:]\s{1,4}){0,3}
    (?:(?:[A-Za-z_$][\w$]{0,80}[.:\\/]{1,2}){0,8}[A-Za-z]\w{0,80}
        (?:Error|Exception|Fault|Timeout|Failure|Closed|Reset|Exceeded|Denied|Refused|Abort(?:ed)?)
        \b\s{0,2}(?:[:(\[{]|$)
    |(?i:error|exception|fatal|panic|failed|uncaught|caused\sby|unhandled)\b[^\w\n]{0,3}(?:[:\[(]|\s\d|$)
    |\b(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC)\b
    |(?i:http(?:/[\d.]{1,3})?|error\scode|status(?:\scode)?)\b[\s:=]{0,4}[45]\d\d\b
    |[45]\d\d\s
    |[✗✕✘■❌⛔])""",
    re.VERBOSE | re.MULTILINE,
)
"""How a line begins that reports an error, behind a log's time, level and logger."""
_BULLET: Final = lazy(r"^\s{0,12}[-*+]\s")
_RECORD: Final = lazy(
    r"""^[\s|>]{0,8}(?:\d+\|\w+\s*\|\s*)?(?:
      \[?\d{4}[-/]\d\d[-/]\d\d | \[?\d{1,2}:\d\d:\d\d | [A-Z][a-z]{2}\s{1,2}\d{1,2}\s\d\d:\d\d
    | (?:DEBUG|INFO|NOTICE|TRACE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b | [IWEF]\d{4}\s )""",
    re.VERBOSE,
)
_QUIET: Final = lazy(r"\b(?:DEBUG|INFO|NOTICE|TRACE)\b|\b(?:level|severity)=(?:debug|info)\b")
_OPENS: Final = lazy(
    r"^\s*(?:[-*#>•]\s|(?:I|We|My|Our|Hi|Hello|Thanks)\b|\d+[.)]\s|```|~~~|\||<!--)"
)
_SOURCE: Final = lazy(
    r"""^\s*(?:at\s[\w$.<>\[\]\s]+\(?[^()\n]*(?::\d+){1,2}\)?|at\s[\w.$]+\([\w$.]+:\d+\)
    |File\s"[^"\n]*",\sline\s\d+|\.\.\.\s\d+\smore|goroutine\s\d+|\[?<?frozen\s
    |(?:return|raise|throw|await|import|from|def|class|const|let|var|if|for|while|try|except|with)\s
     [^\n]*[(:;=]
    |>>>\s|\.\.\.\s|print\(|console\.\w|logger?\.\w+\(|\}\s*catch|@\w+|\#\s\w|//\s
    |[\w.]+\s*=\s*[\w.]+\([^\n]*$|\^+$|~*\^+~*$|-+>\s*\d+\s)""",
    re.VERBOSE,
)
_TABLE_ROW: Final = lazy(r"^\s{0,4}\|[^\n]{0,400}\|\s*$")
_EXPLAINS: Final = lazy(
    r"""\b(?:by\sdefault|for\sexample|e\.g\.|raises|throws
    |(?:Error|Exception):\s(?:If|When|Raised|In\scase)
    |will\sbe\s(?:raised|thrown|returned|retried)
    |(?:is|are)\s(?:all\s|also\s|automatically\s)?(?:raised|thrown|retried))\b""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER: Final = lazy(
    r"""^[\s<>*'"]{0,8}(?:keep-alive|connection|date|server|via|age|etag|vary|cache-control|expires
    |content-[a-z-]{2,20}|transfer-encoding|strict-transport-security|alt-svc|cf-[a-z-]{2,30}
    |access-control-[a-z-]{2,30}|x-(?!should-retry|amzn-errortype|ms-error)[a-z0-9-]{2,40}
    |set-cookie|report-to|nel|pragma|anthropic-[a-z-]{2,60}|openai-[a-z-]{2,30}
    |user-agent|accept[a-z-]{0,20}|authorization|host)['"]?\s*:""",
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_END: Final = lazy(
    r"(?<=[.!?。！？])\s{1,4}(?=[A-Z\"'(`]|[^\x00-\x7f])|\n(?=[ \t]{0,8}(?:[A-Z•*#>-]|\d+[.)]))"
)
_LONGEST_CHARS: Final = 600
_CONTINUED_CHARS: Final = 60


def speaking_lines(text: str) -> tuple[str, str]:
    """What of `text` speaks of a failure, and what is only context; each in order.

    A text of one line is never split.
    """
    if len(text) > MAX_PROSE_CHARS:
        half = MAX_PROSE_CHARS // 2
        text = f"{text[:half]}\n{text[-half:]}"
    if "\n" not in text.strip():
        return (text, "") if _MARK.search(text) else ("", text)
    speaking: list[str] = []
    context: list[str] = []
    open_, fenced = False, False
    for line in text.splitlines():
        if not line.strip():
            open_ = open_ and fenced
            continue
        if line.lstrip().startswith(("```", "~~~")):
            fenced, open_ = not fenced, False
            continue
        if _SOURCE.match(line, 0, 300) or _HEADER.match(line, 0, 80):
            continue
        record = _RECORD.match(line, 0, 60)
        if record and _QUIET.search(line, 0, 120):
            open_ = False
            context.append(line)
        elif _MARK.search(line) and not _is_listed(line):
            open_ = True
            speaking.append(line)
        elif open_ and not record and _continues(speaking[-1], line, fenced):
            speaking.append(line)
        else:
            open_ = False
            context.append(line)
    return "\n".join(speaking), "\n".join(context)


def _is_listed(line: str) -> bool:
    """Whether `line` is a row of a table, an item of a list, or explains an error."""
    if _TABLE_ROW.match(line) or _EXPLAINS.search(line):
        return True
    return _BULLET.match(line) is not None and not reports(line)


def reports(text: str) -> bool:
    """Whether a line of `text` begins as one that reports an error does."""
    return _HEAD.search(text) is not None


def _continues(before: str, line: str, fenced: bool) -> bool:
    if fenced or line[:1].isspace():
        return True
    if _OPENS.match(line, 0, 40):
        return False
    before = before.rstrip()
    return len(before) < _CONTINUED_CHARS or before[-1] not in ".!?}])\"'" or line[:1].islower()


def sentences(text: str) -> Iterator[str]:
    """The sentences of the context `text` that may assert something that happened."""
    for sentence in _SENTENCE_END.split(text):
        said = sentence.strip()
        if said and len(said) <= _LONGEST_CHARS and said[-1] not in "?？" and not _listed(said):
            yield said


def _listed(sentence: str) -> bool:
    return sentence.startswith((".. ", "| ", ">>> "))
