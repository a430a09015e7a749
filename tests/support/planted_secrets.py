"""Secrets drawn by a seeded generator, in payloads such as people paste; none of them ever was real.

Nothing here opens anything: every value is made when the tests run, so that no key stands in the
repository. `FREE` holds values that a sentence carries, `NAMED` values that stand beside a name.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from chatlab.errors.reading.who_answered import provider_in

Record = dict[str, object]

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM: Final = string.ascii_letters + DIGITS
URLSAFE: Final = ALNUM + "-_"
BASE64: Final = ALNUM + "+/"
HEX: Final = "0123456789abcdef"
BASE36: Final = LOWER + DIGITS


class Draw:
    """A seeded source of keys, ids, names and numbers."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def of(self, alphabet: str, length: int) -> str:
        """Drawn characters; the first and the last are letters or digits.

        None spells a provider's name by chance, which `classify` would take for one.
        """
        while True:
            drawn = "".join(self.rng.choices(alphabet, k=length))
            if drawn[0].isalnum() and drawn[-1].isalnum() and provider_in(drawn.lower()) is None:
                return drawn

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def word(self) -> str:
        """A word that no dictionary has, as people name machines and projects."""
        syllables = ("ba", "ko", "ri", "tu", "ze", "lo", "mi", "pha", "gri", "sno", "qua", "vex")
        return "".join(self.rng.choices(syllables, k=3))

    def person(self) -> str:
        return f"{self.word()}.{self.word()}"


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that holds a secret, and the parts of it that must not survive."""

    kind: str
    text: str
    cores: tuple[str, ...]


def _key(prefix: str, alphabet: str, length: int) -> Callable[[Draw], tuple[str, str]]:
    def draw(d: Draw) -> tuple[str, str]:
        core = d.of(alphabet, length)
        return prefix + core, core

    return draw


KEYS: Final[dict[str, Callable[[Draw], tuple[str, str]]]] = {
    "openai project key": _key("sk-proj-", URLSAFE, 156),
    "openai legacy key": _key("sk-", ALNUM, 48),
    "openai service account key": _key("sk-svcacct-", URLSAFE, 80),
    "openai admin key": _key("sk-admin-", URLSAFE, 80),
    "anthropic key": _key("sk-ant-api03-", URLSAFE, 95),
    "anthropic oauth token": _key("sk-ant-oat01-", URLSAFE, 86),
    "openrouter key": _key("sk-or-v1-", HEX, 64),
    "deepseek key": _key("sk-", HEX, 32),
    "google api key": _key("AIza", URLSAFE, 35),
    "google oauth token": _key("ya29.", URLSAFE, 120),
    "google client secret": _key("GOCSPX-", URLSAFE, 28),
    "aws access key id": _key("AKIA", UPPER + "234567", 16),
    "aws session key id": _key("ASIA", UPPER + "234567", 16),
    "bedrock api key": _key("ABSK", ALNUM, 128),
    "groq key": _key("gsk_", ALNUM, 52),
    "xai key": _key("xai-", ALNUM, 80),
    "hugging face token": _key("hf_", ALNUM, 34),
    "perplexity key": _key("pplx-", ALNUM, 48),
    "replicate token": _key("r8_", ALNUM, 37),
    "nvidia key": _key("nvapi-", URLSAFE, 64),
    "cerebras key": _key("csk-", BASE36, 48),
    "fireworks key": _key("fw_", ALNUM, 24),
    "together key": _key("tgp_v1_", URLSAFE, 43),
    "databricks token": _key("dapi", HEX, 32),
    "vercel gateway key": _key("vck_", ALNUM, 56),
    "elevenlabs key": _key("sk_", HEX, 48),
    "langsmith key": _key("lsv2_pt_", HEX, 32),
    "tavily key": _key("tvly-", ALNUM, 32),
    "github token": _key("ghp_", ALNUM, 36),
    "github fine-grained token": lambda d: _joined(d, "github_pat_", 22, "_", 59),
    "gitlab token": _key("glpat-", URLSAFE, 20),
    "slack bot token": lambda d: _slack(d),
    "stripe key": _key("sk_live_", ALNUM, 24),
    "npm token": _key("npm_", ALNUM, 36),
    "pypi token": _key("pypi-AgEIcHlwaS5vcmc", URLSAFE, 150),
    "docker token": _key("dckr_pat_", URLSAFE, 27),
    "vault token": _key("hvs.", URLSAFE, 90),
    "sendgrid key": lambda d: _joined(d, "SG.", 22, ".", 43),
    "digitalocean token": _key("dop_v1_", HEX, 64),
    "netlify token": _key("nfp_", ALNUM, 36),
    "pulumi token": _key("pul-", HEX, 40),
    "buildkite token": _key("bkua_", HEX, 40),
    "new relic key": _key("NRAK-", UPPER + DIGITS, 27),
    "postman key": lambda d: _joined(d, "PMAK-", 24, "-", 34),
    "azure client secret": lambda d: _azure_secret(d),
    "json web token": lambda d: _jwt(d),
    "private key": lambda d: _pem(d),
    "lower-case key": _key("sk-", LOWER, 48),
    "short key": lambda d: _short(d),
    "alibaba key": _key("LTAI5t", ALNUM, 18),
    "baidu key": lambda d: _joined(d, "bce-v3/ALTAK-", 21, "/", 40),
    "key of two parts": lambda d: (f"{d.of(HEX, 32)}.{(core := d.of(ALNUM, 16))}", core),
    "discord token": lambda d: _joined(d, f"MT{d.of(ALNUM, 24)}.", 6, ".", 38),
    "telegram token": lambda d: (f"{d.of(DIGITS, 10)}:AA{(core := d.of(URLSAFE, 33))}", core),
    "encrypted web token": lambda d: _joined(d, f"eyJ{d.of(URLSAFE, 60)}..", 16, ".", 90),
    "unnamed token": _key("", URLSAFE, 43),
    "unnamed hex token": _key("", HEX, 64),
}
"""Values that need no name: kind to a function that draws the value and its core."""


def _short(d: Draw) -> tuple[str, str]:
    core = f"{d.of(DIGITS, 4)}{d.of(LOWER, 4)}{d.of(DIGITS, 4)}"
    return f"sk-{core}", core


def _slack(d: Draw) -> tuple[str, str]:
    core = d.of(ALNUM, 24)
    return f"xoxb-{d.of(DIGITS, 12)}-{d.of(DIGITS, 13)}-{core}", core


def _joined(d: Draw, prefix: str, first: int, mark: str, second: int) -> tuple[str, str]:
    core = d.of(ALNUM, second)
    return f"{prefix}{d.of(ALNUM, first)}{mark}{core}", core


def _azure_secret(d: Draw) -> tuple[str, str]:
    core = d.of(URLSAFE, 34)
    return f"{d.of(ALNUM, 3)}8Q~{core}", core


def _jwt(d: Draw) -> tuple[str, str]:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    while True:
        core = d.of(URLSAFE, 43)
        claims = {"sub": d.uuid(), "org": d.word()}
        token = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{core}"
        if provider_in(token.lower()) is None:
            return token, core


def _pem(d: Draw) -> tuple[str, str]:
    lines = [d.of(BASE64, 64) for _ in range(4)]
    body = "\n".join(lines)
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----", lines[2]


Spoken = Callable[[Draw], tuple[str, tuple[str, ...]]]


def _said(template: str, *parts: Callable[[Draw], str]) -> Spoken:
    def draw(d: Draw) -> tuple[str, tuple[str, ...]]:
        cores = tuple(part(d) for part in parts)
        return template.format(*cores), cores

    return draw


def _octets(d: Draw) -> str:
    return ".".join(str(d.rng.randint(11, 126)) for _ in range(4))


def _ipv6(d: Draw) -> str:
    return "2a02:" + ":".join(d.of(HEX, 4) for _ in range(7))


SPOKEN: Final[dict[str, Spoken]] = {
    "openai request id": _said("(request ID req_{})", lambda d: d.of(HEX, 32)),
    "uuid request id": _said("Request id: {}", Draw.uuid),
    "anthropic message id": _said("after message msg_01{}", lambda d: d.of(ALNUM, 22)),
    "tool call id": _said("for call call_{} in the input", lambda d: d.of(ALNUM, 24)),
    "tool use id": _said("`toolu_01{}`", lambda d: d.of(ALNUM, 22)),
    "response id": _said("response 'resp_{}'", lambda d: d.of(HEX, 50)),
    "completion id": _said("id chatcmpl-{}", lambda d: d.of(ALNUM, 29)),
    "thread and run": _said(
        "thread thread_{} run run_{}", lambda d: d.of(ALNUM, 24), lambda d: d.of(ALNUM, 24)
    ),
    "organization id": _said("in organization org-{}", lambda d: d.of(ALNUM, 24)),
    "project id": _said("Project `proj_{}`", lambda d: d.of(ALNUM, 24)),
    "google project": _said(
        "Publisher Model `projects/{}/locations/us-central1/publishers/google/models/gemini-2.5-pro`",
        lambda d: f"{d.word()}-{d.word()}-prod",
    ),
    "aws account": _said("the AWS account {}", lambda d: d.of(DIGITS, 12)),
    "arn": _said(
        "User: arn:aws:sts::{}:assumed-role/{}/{}",
        lambda d: d.of(DIGITS, 12),
        lambda d: f"{d.word()}Role",
        lambda d: d.person(),
    ),
    "azure subscription": _said(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.CognitiveServices/accounts/{}",
        Draw.uuid,
        lambda d: f"rg-{d.word()}",
        lambda d: f"{d.word()}-aoai",
    ),
    "azure resource host": _said(
        "https://{}.openai.azure.com/openai/deployments/gpt-4o/chat/completions",
        lambda d: f"{d.word()}-{d.word()}",
    ),
    "e-mail address": _said(
        "write to {} about it", lambda d: f"{d.person()}@{d.word()}-{d.word()}.com"
    ),
    "ipv4 address": _said("connect to {}:443", _octets),
    "ipv6 address": _said("connect to [{}]:443", _ipv6),
    "private host": _said("http://{}.corp:8080/v1", lambda d: f"{d.word()}.{d.word()}"),
    "cluster host": _said(
        "http://{}.svc.cluster.local:8000/v1", lambda d: f"{d.word()}-api.{d.word()}-ns"
    ),
    "bare host": _said("http://{}:4000/chat/completions", lambda d: f"{d.word()}-gw01"),
    "mac host": _said("on {}.local", lambda d: f"{d.word()}s-MacBook-Pro"),
    "unix home": _said('File "/home/{}/app/run.py"', Draw.person),
    "mac home": _said("/Users/{}/projects/bot/main.py", Draw.person),
    "windows home": _said(r"C:\Users\{}\AppData\Local\bot\main.py", Draw.person),
    "phone number": _said(
        "call +49 {} {} for help", lambda d: d.of(DIGITS, 3), lambda d: d.of(DIGITS, 7)
    ),
    "american phone": _said(
        "call ({}) {}",
        lambda d: "6" + d.of(DIGITS, 2),
        lambda d: f"{d.of('23', 3)}-{d.of(DIGITS, 4)}",
    ),
    "bearer token": _said("Authorization: Bearer {}", lambda d: d.of(ALNUM, 40)),
    "basic credentials": _said(
        "Authorization: Basic {}",
        lambda d: base64.b64encode(f"{d.word()}:{d.of(ALNUM, 12)}".encode()).decode(),
    ),
    "connection string": _said(
        "postgresql://{}:{}@10.20.30.40:5432/chat", Draw.word, lambda d: d.of(ALNUM, 16)
    ),
    "redis password": _said("redis://:{}@cache:6379/0", lambda d: d.of(ALNUM, 20)),
    "cookie": _said(
        "Set-Cookie: __cf_bm={}; path=/; HttpOnly",
        lambda d: d.of(URLSAFE, 43) + "-1-" + d.of(HEX, 20),
    ),
    "signed url": _said(
        "https://files.example.net/a.png?X-Amz-Credential={}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20260101T000000Z&X-Amz-Signature={}",
        lambda d: "ASIA" + d.of(UPPER, 16),
        lambda d: d.of(HEX, 64),
    ),
    "azure sas": _said(
        "https://files.example.net/a?sv=2024-05-04&sp=r&sig={}",
        lambda d: quote(base64.b64encode(d.rng.randbytes(32)).decode(), safe=""),
    ),
    "google key in a url": _said(
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent?key=AIza{}",
        lambda d: d.of(URLSAFE, 35),
    ),
    "slack webhook": _said(
        "https://hooks.slack.com/services/{}",
        lambda d: f"T{d.of(UPPER + DIGITS, 10)}/B{d.of(UPPER + DIGITS, 10)}/{d.of(ALNUM, 24)}",
    ),
    "masked key": _said(
        "Incorrect API key provided: sk-{}************{}.",
        lambda d: d.of(ALNUM, 8),
        lambda d: d.of(ALNUM, 6),
    ),
    "cloudflare ray": _said("cf-ray: {}-FRA", lambda d: d.of(HEX, 16)),
    "vercel id": _said(
        "ID: fra1::{}", lambda d: f"{d.of(BASE36, 5)}-{d.of(DIGITS, 13)}-{d.of(HEX, 12)}"
    ),
    "storage connection string": _said(
        "DefaultEndpointsProtocol=https;AccountName={};AccountKey={}==;EndpointSuffix=core.windows.net",
        Draw.word,
        lambda d: d.of(BASE64, 86),
    ),
    "odbc password": _said(
        "Server=tcp:db,1433;User ID={};Password={};Encrypt=true",
        Draw.word,
        lambda d: d.of(ALNUM, 14),
    ),
    "curl login": _said(
        "curl -u {}:{} https://api.example.net/v1", Draw.word, lambda d: d.of(ALNUM, 14)
    ),
    "tuned model": _said(
        "model ft:gpt-4o-mini-2024-07-18:{}:{}:{}",
        lambda d: f"{d.word()}-ai",
        Draw.word,
        lambda d: d.of(ALNUM, 8),
    ),
    "kubernetes pod": _said("pod/{}", lambda d: f"{d.word()}-7d9f8b6c5d-x2k4q"),
    "chinese password": _said("密码：{} 错误", lambda d: d.of(ALNUM, 10)),
    "chinese request id": _said("请求ID：{}", lambda d: d.of(ALNUM, 21)),
    "chinese phone": _said("手机号：{}", lambda d: "13" + d.of(DIGITS, 9)),
    "chinese identity card": _said("身份证 {}X", lambda d: d.of(DIGITS, 17)),
    "german phone": _said("Tel.: 0711 / {}", lambda d: d.of(DIGITS, 7)),
    "card number": _said("card 4242{} declined", lambda d: d.of(DIGITS, 12)),
    "bank account": _said("IBAN DE{}", lambda d: d.of(DIGITS, 20)),
    "oracle login": _said(
        "jdbc:oracle:thin:{}/{}@//db.example.net:1521/x", Draw.word, lambda d: d.of(ALNUM, 9)
    ),
    "pgpass line": _said("db.example.net:5432:app:{}:{}", Draw.word, lambda d: d.of(ALNUM, 12)),
    "password in a sentence": _said(
        "login of user '{}' using password '{}'",
        Draw.word,
        lambda d: f"{d.word()}!{d.of(DIGITS, 3)}",
    ),
    "java property": _said("java -Dopenai.api.key={} -jar x", lambda d: d.of(ALNUM, 24)),
    "flag with an underscore": _said("--api_key {} --model x", lambda d: d.of(ALNUM, 16)),
    "flag with a sign": _said("--api-key={} --model=x", lambda d: d.of(ALNUM, 16)),
    "container registry": _said(
        "{}.dkr.ecr.us-east-1.amazonaws.com/app", lambda d: d.of(DIGITS, 12)
    ),
    "queue": _said("https://sqs.us-east-1.amazonaws.com/{}/jobs", lambda d: d.of(DIGITS, 12)),
    "sentry project": _said(
        "to https://o{}.ingest.sentry.io/{}",
        lambda d: d.of(DIGITS, 6),
        lambda d: d.of(DIGITS, 7),
    ),
    "google consumer": _said(
        "Consumer 'project:{}' is suspended", lambda d: f"{d.word()}-ml-{d.of(DIGITS, 6)}"
    ),
    "openai organization name": _said(
        "Limit of gpt-4o in organization {} on tokens", lambda d: f"{d.word()}-{d.word()}"
    ),
    "litellm user": _said("Budget: User={} over budget", Draw.person),
    "cloudflare page": _said("Ray ID: <strong>{}</strong>", lambda d: d.of(HEX, 16)),
    "cloudflare challenge": _said(
        '__CF={{r:"{}"}}; cRay:"{}"', lambda d: d.of(HEX, 16), lambda d: d.of(HEX, 16)
    ),
    "unknown host": _said("Name or service not known: '{}'", lambda d: f"vllm-{d.word()}-01"),
    "windows share": _said(
        r"read \\{}\{}\x.txt", lambda d: f"SRV-{d.word()}7", lambda d: d.person()
    ),
    "ipv6 address and port": _said("ECONNREFUSED {}:443", _ipv6),
    "home behind dots": _said("'/root/../home/{}/x.py'", Draw.person),
    "data of users": _said("'/data/users/{}/run.log'", Draw.person),
    "mounted home": _said("'/Volumes/Users/{}/x'", Draw.person),
    "home by a tilde": _said("'~{}/x.py'", Draw.person),
    "mail in a query": _said("https://x.example/?login={}%40gmail.com", Draw.person),
    "mail of an odd host": _said("user {}@münchen.example", Draw.person),
    "aws internal host": _said("{}.ec2.internal", lambda d: f"ip-10-{d.rng.randint(0, 255)}-3-17"),
}
"""Values in the words that people and programs put around them."""

NAMES: Final[dict[str, tuple[str, Callable[[Draw], str]]]] = {
    "azure openai key": ("api-key", lambda d: d.of(HEX, 32)),
    "mistral key": ("MISTRAL_API_KEY", lambda d: d.of(ALNUM, 32)),
    "cohere key": ("co_api_key", lambda d: d.of(ALNUM, 40)),
    "litellm master key": ("LITELLM_MASTER_KEY", lambda d: f"sk-{d.of(DIGITS, 6)}"),
    "aws secret key": ("aws_secret_access_key", lambda d: d.of(BASE64, 40)),
    "aws session token": ("x-amz-security-token", lambda d: d.of(BASE64, 200)),
    "x-api-key header": ("x-api-key", lambda d: d.of(ALNUM, 24)),
    "password": ("password", lambda d: f"{d.word()}!{d.of(DIGITS, 3)}x"),
    "database password": ("DB_PASSWORD", lambda d: d.of(ALNUM, 10)),
    "client secret": ("client_secret", lambda d: d.of(ALNUM, 30)),
    "refresh token": ("refresh_token", lambda d: d.of(URLSAFE, 64)),
    "request id header": ("x-request-id", lambda d: d.of(HEX, 32)),
    "aws request id": ("x-amzn-RequestId", Draw.uuid),
    "azure request id": ("apim-request-id", Draw.uuid),
    "trace id": ("traceparent", lambda d: f"00-{d.of(HEX, 32)}-{d.of(HEX, 16)}-01"),
    "session id": ("session_id", lambda d: d.of(BASE36, 20)),
    "organization header": ("openai-organization", lambda d: f"{d.word()}-labs"),
    "anthropic organization": ("anthropic-organization-id", Draw.uuid),
    "user id": ("user_id", lambda d: f"user_{d.of(ALNUM, 24)}"),
    "user name": ("username", Draw.person),
    "account id": ("account_id", lambda d: d.of(HEX, 32)),
    "tenant id": ("tenant_id", Draw.uuid),
    "workspace": ("workspace_id", lambda d: f"wrkspc_{d.of(ALNUM, 24)}"),
    "host name": ("hostname", lambda d: f"{d.word()}-prod-3"),
    "conversation id": ("conversation_id", Draw.uuid),
    "tool call": ("tool_call_id", lambda d: d.of(ALNUM, 9)),
    "datadog key": ("DD_API_KEY", lambda d: d.of(HEX, 32)),
    "chinese user": ("用户名", Draw.person),
    "login code": ("code", lambda d: d.of(ALNUM, 32)),
    "signature": ("x-ms-signature", lambda d: d.of(BASE64, 43) + "="),
}
"""Values beside a name: kind to the name and a function that draws the value."""


def in_sentences(seed: int) -> Iterator[Secret]:
    """One secret of every kind that needs no name of its own."""
    d = Draw(seed)
    for kind, key in KEYS.items():
        value, core = key(d)
        yield Secret(
            kind, d.pick("with {}", "key={}", "'{}' was used", "got {},").format(value), (core,)
        )
    for kind, spoken in SPOKEN.items():
        yield Secret(kind, *spoken(d))


MESSAGE: Final = "Rate limit reached for requests; try again in 20s"

SPELLED: Final = "'\"&<>+/="
"""Signs that some programs write as escapes."""


def _spelled(text: str, escape_of: Callable[[str], str]) -> str:
    return "".join(escape_of(sign) if sign in SPELLED else sign for sign in text)


ESCAPING: Final = (
    *("query", "xml", "html page", "percent signs", "entities", "code units", "slashes escaped"),
)
"""Carriers in which a secret does not stand as it is spelled."""

CARRIERS: Final[dict[str, Callable[[str], Record]]] = {
    "json body": lambda text: {
        "status": 429,
        "body": {"error": {"type": "rate_limit_error", "message": f"{MESSAGE}: {text}"}},
    },
    "body as text": lambda text: {
        "status": 429,
        "body": json.dumps({"error": {"code": "rate_limit_exceeded", "message": text}}),
    },
    "json in json": lambda text: {
        "status": 502,
        "body": {"error": {"message": json.dumps({"error": {"message": text, "code": 503}})}},
    },
    "json in json in json": lambda text: {
        "text": "gateway said "
        + json.dumps({"error": json.dumps({"raw": json.dumps({"status": 503, "message": text})})})
    },
    "python repr": lambda text: {
        "exception": {
            "type": "openai.RateLimitError",
            "text": f"Error code: 429 - { ({'error': {'message': text, 'type': 'requests'}})!r}",
        }
    },
    "traceback": lambda text: {
        "text": 'Traceback (most recent call last):\n  File "/srv/app/chat.py", line 88, in ask\n'
        f"    raise failure\nanthropic.APIStatusError: Error code: 529 - overloaded\n{text}\n"
    },
    "curl dump": lambda text: {
        "text": "> POST /v1/messages HTTP/1.1\n> Host: api.anthropic.com\n>\n"
        f"< HTTP/1.1 503 Service Unavailable\n< content-type: text/plain\n<\n{text}\n"
    },
    "log line": lambda text: {
        "text": f"2026-01-05T10:20:30.123Z ERROR [worker-3] upstream status 503 after 3 tries: {text}"
    },
    "logfmt": lambda text: {
        "text": f"ts=2026-01-05T10:20:30Z level=error status=503 msg={json.dumps(text)} tries=3"
    },
    "event stream": lambda text: {
        "body": "event: error\ndata: "
        + json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": text}})
        + "\n\n"
    },
    "html page": lambda text: {
        "status": 502,
        "body": f"<html><head><title>502 Bad Gateway</title></head><body><p>{escape(text)}</p></body></html>",
    },
    "yaml": lambda text: {
        "text": f"error:\n  status: 503\n  detail: |\n    {text}\n  retries: 3\n"
    },
    "between Chinese words": lambda text: {"status": 503, "body": f"上游错误{text}请稍后重试"},
    "percent signs": lambda text: {
        "text": f"503 from https://api.example.net/back?said={quote(text, safe='')}"
    },
    "entities": lambda text: {
        "status": 502,
        "body": "<html><body><p>"
        + _spelled(text, lambda sign: f"&#x{ord(sign):X};")
        + "</p></body></html>",
    },
    "code units": lambda text: {
        "status": 503,
        "body": '{"message": "'
        + _spelled(text, lambda sign: f"\\u{ord(sign):04x}").replace("\n", "\\n")
        + '"}',
    },
    "slashes escaped": lambda text: {
        "status": 503,
        "body": json.dumps({"message": text}).replace("/", "\\/"),
    },
    "terminal colours": lambda text: {
        "text": f"\x1b[31mERROR\x1b[0m upstream status 503: \x1b[1m{text}\x1b[0m"
    },
    "list of details": lambda text: {
        "status": 400,
        "body": {"error": {"code": 400, "details": [{"info": {"seen": [text, 17, None]}}]}},
    },
}
"""Payloads such as people paste, around a text."""

NAMED_CARRIERS: Final[dict[str, Callable[[str, str], Record]]] = {
    "json member": lambda name, value: {
        "status": 500,
        "body": {"error": "server_error", name: value},
    },
    "nested member": lambda name, value: {
        "status": 429,
        "body": {"error": {"message": MESSAGE, "metadata": {name: [value]}}},
    },
    "json as text": lambda name, value: {
        "text": "upstream 503: " + json.dumps({"status": 503, name: value, "tries": 3})
    },
    "json in json": lambda name, value: {
        "text": json.dumps({"error": json.dumps({"request": {name: value}, "status": 503})})
    },
    "headers repr": lambda name, value: {
        "exception": {
            "type": "aiohttp.client_exceptions.ClientResponseError",
            "text": f"503, message='Service Unavailable', headers={ ({'Date': 'x', name: value})!r}",
        }
    },
    "raw headers": lambda name, value: {
        "text": f"status 503 headers=[(b'server', b'nginx'), (b'{name}', b'{value}')]"
    },
    "keyword argument": lambda name, value: {
        "text": f"Client(timeout=600, {name.replace('-', '_')}={value!r}) failed with status 503"
    },
    "environment": lambda name, value: {
        "text": f"status 503\nPATH=/usr/bin\n{name.upper().replace('-', '_')}={value}\nLANG=C"
    },
    "header line": lambda name, value: {
        "text": f"< HTTP/2 503\n< server: nginx\n< {name}: {value}\n<\nupstream connect error"
    },
    "query": lambda name, value: {
        "text": f"503 from https://api.example.net/v1/chat?v=2&{name}={quote(value, safe='')}&n=1"
    },
    "xml": lambda name, value: {
        "status": 503,
        "body": f"<Error><Code>SlowDown</Code><{name}>{escape(value)}</{name}></Error>",
    },
    "har entry": lambda name, value: {
        "status": 503,
        "body": {"request": {"headers": [{"name": name, "value": value}]}},
    },
}
"""Payloads around a name and its value."""


def planted(seed: int) -> Iterator[tuple[Secret, str, Record]]:
    """Every kind of secret in every carrier that fits it: the secret, the carrier, the record."""
    for index, (carrier, build) in enumerate(CARRIERS.items()):
        for secret in in_sentences(seed + index):
            yield secret, carrier, build(secret.text)
    for index, (carrier, put) in enumerate(NAMED_CARRIERS.items()):
        d = Draw(seed + 1000 + index)
        for kind, (name, drawn) in NAMES.items():
            value = drawn(d)
            yield Secret(kind, f"{name}: {value}", (value,)), carrier, put(name, value)
