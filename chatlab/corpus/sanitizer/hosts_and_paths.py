"""Names of machines, folders and cloud resources that say where, and by whom, software was run."""

from __future__ import annotations

import re
from typing import Final

from chatlab.corpus.sanitizer.escapes import as_read
from chatlab.corpus.sanitizer.key_value import Take, end, replaced
from chatlab.corpus.sanitizer.placeholders import is_own, is_trivial
from chatlab.text.randomness import is_id
from chatlab.text.secrets import start

_PRIVATE: Final = (
    *(".svc.cluster.local", ".cluster.local", ".home.arpa", ".compute.internal", ".ec2.internal"),
    *(".local", ".internal", ".corp", ".lan", ".intranet", ".localdomain", ".private", ".svc"),
    *(".consul", ".home", ".ts.net", ".priv", ".intra"),
)
_TENANTS: Final = (
    *(".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
    *(".blob.core.windows.net", ".queue.core.windows.net", ".table.core.windows.net"),
    *(".file.core.windows.net", ".dfs.core.windows.net", ".vault.azure.net", ".azurewebsites.net"),
    *(".database.windows.net", ".search.windows.net", ".servicebus.windows.net", ".azure-api.net"),
    *(".inference.ml.azure.com", ".models.ai.azure.com", ".onmicrosoft.com", ".on.aws", ".run.app"),
    *(".vpce.amazonaws.com", ".rds.amazonaws.com", ".cache.amazonaws.com", ".elb.amazonaws.com"),
    *(".compute.amazonaws.com", ".compute-1.amazonaws.com", ".s3.amazonaws.com"),
    *(".azurecontainerapps.io", ".cloudfunctions.net", ".appspot.com", ".cloud.databricks.com"),
    *(
        ".azuredatabricks.net",
        ".snowflakecomputing.com",
        ".vercel.app",
        ".netlify.app",
        ".herokuapp.com",
        ".fly.dev",
    ),
    *(".ngrok.io", ".ngrok.app", ".ngrok-free.app", ".ngrok-free.dev", ".trycloudflare.com"),
    *(".workers.dev", ".hf.space", ".endpoints.huggingface.cloud", ".proxy.runpod.net"),
    *(".modal.run", ".atlassian.net", ".slack.com", ".supabase.co", ".mongodb.net", ".upstash.io"),
    *(".ingest.sentry.io", ".ingest.us.sentry.io", ".okta.com", ".auth0.com", ".railway.app"),
)
_NOT_PUBLIC: Final = (*_PRIVATE, *_TENANTS, ".amazonaws.com")
_PUBLIC_LABELS: Final = frozenset(
    {"www", "api", "docs", "status", "help", "support", "community", "developers", "hooks", "app"}
)
_KNOWN_HOSTS: Final = frozenset(
    (
        *("host.docker.internal", "gateway.docker.internal", "kubernetes.docker.internal"),
        *("host.containers.internal", "metadata.google.internal", "kubernetes.default.svc"),
        *("kubernetes.default.svc.cluster.local", "threading.local", "localhost.localdomain"),
        *("localhost", "host", "hostname", "proxy", "server", "api", "gateway", "backend", "app"),
        *("web", "db", "postgres", "mysql", "redis", "mongo", "mongodb", "kafka", "rabbitmq"),
        *("ollama", "vllm", "litellm", "llm", "nginx", "envoy", "example", "http", "https"),
        *("unknown", "none", "null", "undefined", "default", "test", "openai", "anthropic"),
        *("bedrock", "azure"),
    )
)
_CODE: Final = frozenset(
    ("self", "this", "cls", "config", "settings", "env", "process", "node", "package", "module")
)
_HOST: Final = re.compile(
    start("_.-") + r"[A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+){1,12}+(?![@(])" + end()
)
_LABEL: Final = r"(?P<host>[A-Za-z0-9][A-Za-z0-9_-]{1,62}+)(?![A-Za-z0-9_.<{@])"
_URL_HOST: Final = re.compile(rf":(?:\\?/){{2}}(?:[^\s/@\"'\\<>]{{1,200}}@)?+{_LABEL}")
_SCHEMES: Final = (
    *("http", "https", "ws", "wss", "grpc", "grpcs", "tcp", "udp", "amqp", "amqps", "redis"),
    *("rediss", "postgres", "postgresql", "mysql", "mongodb", "s3", "gs", "ldap", "ldaps", "nats"),
    *("kafka",),
)
_INTRODUCED_HOSTS: Final = tuple(
    (sign, re.compile(f"{sign}{rest}{_LABEL}"))
    for sign, rest in (
        *(("ENOTFOUND ", ""), ("EAI_AGAIN ", ""), ("connect to host ", ""), ("Host: ", "")),
        *(("resolve ", r"(?:host: |host address ‘|\\?['\"])"), ("host=", r"\\?['\"]")),
        ("service not known: ", r"\\?['\"]"),
        *(("connect to ", r"(?=[\w-]{2,63} port \d)"), ("lookup ", r"(?=[\w-]+ on \d)")),
        ("host", r"(?:name)?\\?[\"']: ?\\?[\"']"),
    )
)
"""The words before the name of a host, and the pattern that must follow them."""

_MACHINE: Final = re.compile(
    start("_.-")
    + r"(?:(?:DESKTOP|LAPTOP|WIN|MSI)-[A-Z0-9]{6,12}|ip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}"
    r"|[a-z0-9]+(?:-[a-z0-9]+){0,6}-[bcdf0-9]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5})" + end("-")
)
_SYSLOG: Final = re.compile(
    r"^(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?P<host>[A-Za-z0-9][\w.-]{1,62}) "
    r"(?=[\w./-]+(?:\[\d+\])?:)",
    re.MULTILINE,
)
_FOLDERS: Final = (
    (
        ("/home", "/Users", "/mail", "/users"),
        re.compile(
            r"""(?P<before>/(?:(?<![A-Za-z0-9.]/)|(?<=\\[nrt]/)|(?<=%20/)|(?<=/\.\./))
            (?:home|Users|(?:export|data)\\?/home|data\\?/users|Volumes\\?/Users|(?:mnt\\?/)?[a-z]\\?/Users|var\\?/mail)\\?/)
            (?P<user>[^\s/:;,"'<>|\\()\[\]{}]{1,64})""",
            re.VERBOSE,
        ),
    ),
    (
        ("Users", "Documents and Settings"),
        re.compile(
            r"""(?P<before>:(?:\\{1,8}|/)(?:Users|Documents\ and\ Settings)(?:\\{1,8}|/))
            (?P<user>[^\\/:;,*?"'<>|\r\n()]{1,64}(?=[\\/])|[^\\/:;,*?"'<>|\s()]{1,64})""",
            re.VERBOSE,
        ),
    ),
    (
        ("~",),
        re.compile(
            r"(?P<before>~)(?<![\w/~]~)(?P<user>[a-z][a-z0-9._-]{1,31}|[^\W\d_a-z][\w.'-]{1,31})(?=/)"
        ),
    ),
    (
        ("\\\\",),
        re.compile(
            r"""(?P<before>(?<![^\s"'(=])\\{2,32})(?P<user>[A-Zac-mo-qsv-z][A-Za-z0-9-]{2,62}(?P<gap>\\{1,16})
            [^\\/:;,*?"'<>|\s()]{1,64})(?=\\|[\s"']|$)""",
            re.VERBOSE,
        ),
    ),
    (("/folders/",), re.compile(r"(?P<before>/var/folders/)(?P<user>[\w+]{2}/[\w+]{20,40})")),
)
"""Where the names of users stand in paths: what such a path has, and its form."""

_SHARED_USERS: Final = frozenset(
    (
        *("runner", "runneradmin", "ubuntu", "root", "node", "user", "users", "app", "admin"),
        *("vscode", "jovyan", "ec2-user", "azureuser", "vagrant", "pi", "circleci", "travis"),
        *("me", "you", "jenkins", "gitpod", "coder", "codespace", "nobody", "www-data"),
        *("public", "default"),
        *("shared", "appuser", "nonroot", "sandbox", "vsts", "username", "name", "linuxbrew"),
        *("all users", "default user", "guest", "nginx", "python", "docker", "dev", "debian"),
    )
)
_RESOURCE_KINDS: Final[dict[str, str]] = {
    "projects": "project",
    "resourcegroups": "project",
    "workspaces": "project",
    "teams": "project",
    "folders": "project",
    "subscriptions": "account",
    "accounts": "account",
    "tenants": "account",
    "billingaccounts": "account",
    "serviceaccounts": "account",
    "customers": "account",
    "organizations": "organization",
    "orgs": "organization",
    "users": "user",
    "providers/microsoft.": "account",
}
_COLLECTIONS: Final = frozenset({"locations", "settings", "models", "publishers", "billing"})
_NAMED_FREELY: Final = ("projects", "resourcegroups", "subscriptions", "providers/")
_RESOURCE: Final = re.compile(
    rf"""(?P<before>(?<![A-Za-z0-9_])(?P<type>{"|".join(list(_RESOURCE_KINDS)[:-1])}
      |providers/Microsoft\.[A-Za-z.]{{2,60}}/[A-Za-z]{{2,40}})(?:\\?/|%2F))
    (?P<name>[^\s/"'`,;:?&#\\<>{{}}()%\[\]\x1b\u2e80-\uffee]{{1,128}})""",
    re.VERBOSE | re.IGNORECASE,
)
_LINK_START: Final = re.compile(
    r"https?:(?:\\?/){2}(?P<host>[A-Za-z0-9.-]{3,253})(?P<path>[^\s\"'<>]*)$"
)
_DOCUMENTATION: Final = re.compile(
    r"""(?:docs?|help|support|developers?|learn|community|status|discuss|forums?|blog|learning|kb)\.
    | (?:www\.)?(?:github|gitlab|stackoverflow|huggingface|arxiv|pypi|npmjs|wikipedia|medium)\.
    | (?:gist\.github|raw\.githubusercontent|ai\.google|cloud\.google|go\.microsoft|errors\.pydantic
        |json-schema|platform\.openai|aka)\.""",
    re.VERBOSE | re.IGNORECASE,
)
_DOCUMENTATION_PATH: Final = re.compile(
    r"(?i)/(?:docs?|help|blog|guides?|articles?|reference|wiki|support|faq|learn|errors?)(?:/|$)"
)
_MAX_LINK: Final = 400


def in_documentation_link(text: str, position: int) -> bool:
    """Whether `position` is in the path of a link to public documentation."""
    before = as_read(text[max(0, position - _MAX_LINK) : position])
    start = before.rfind("http")
    link = _LINK_START.match(before, start) if start >= 0 else None
    if link is None or "?" in link["path"]:
        return False
    return bool(_DOCUMENTATION.match(link["host"]) or _DOCUMENTATION_PATH.search(link["path"]))


def redact_hosts(text: str, take: Take) -> str:
    """`text` without names of machines that only a private network or one customer has."""
    if "." in text:
        text = _HOST.sub(lambda match: _host(match[0], take), text)
    if ":" in text:
        text = _URL_HOST.sub(lambda match: _url_host(match, take), text)
    for sign, form in _INTRODUCED_HOSTS:
        if sign in text:
            text = form.sub(lambda match: _bare_host(match, take), text)
    text = _SYSLOG.sub(lambda match: _bare_host(match, take), text)
    if "-" not in text:
        return text
    return _MACHINE.sub(lambda match: take("host name", match[0], "{}"), text)


def _host(host: str, take: Take) -> str:
    low = host.lower()
    if not low.endswith(_NOT_PUBLIC) or not (host.isupper() or host[-3:].islower()):
        return host
    suffix = next(end for end in _NOT_PUBLIC if low.endswith(end))
    if suffix == ".amazonaws.com":
        if ".s3" not in low:
            return host
        suffix = low[low.index(".s3") :]
    name = host[: len(host) - len(suffix)]
    if not name or low in _KNOWN_HOSTS or is_own(name):
        return host
    if name.lower() in (_CODE if suffix in _PRIVATE else _PUBLIC_LABELS):
        return host
    return take("host name", host, f"{{}}{suffix}")


def _url_host(match: re.Match[str], take: Take) -> str:
    before = match.string[max(0, match.start() - 12) : match.start()]
    return _bare_host(match, take) if before.lower().endswith(_SCHEMES) else match[0]


def _bare_host(match: re.Match[str], take: Take) -> str:
    host = match["host"]
    if host.lower() in _KNOWN_HOSTS or host.isdecimal() or is_own(host):
        return match[0]
    return replaced(match, "host", take("host name", host, "{}"))


def redact_paths(text: str, take: Take) -> str:
    """`text` without the user names in file paths and the names of cloud resources."""
    for signs, form in _FOLDERS:
        if any(sign in text for sign in signs):
            text = form.sub(lambda match: _folder(match, take), text)
    low = text.lower()
    if any(kind in low for kind in _RESOURCE_KINDS):
        text = _RESOURCE.sub(lambda match: _resource(match, take), text)
    return text


def _folder(match: re.Match[str], take: Take) -> str:
    before, user = match["before"], match["user"]
    if user.lower() in _SHARED_USERS or is_own(user) or user.startswith((".", "$", "%", "*")):
        return match[0]
    if "gap" in match.re.groupindex:
        host, gap, share = user.partition(match["gap"])
        if is_own(share):
            return match[0]
        host = host if is_own(host) else take("host name", host, "{}")
        return f"{before}{host}{gap}{take('user name in a path', share, '{}')}"
    form = "{}/{}" if "/" in user else "{}"
    return f"{before}{take('user name in a path', user, form)}"


def _resource(match: re.Match[str], take: Take) -> str:
    name, type_ = match["name"].rstrip("."), match["type"].lower()
    named = type_.startswith(_NAMED_FREELY) or is_id(name)
    if (
        is_trivial(name)
        or name in _COLLECTIONS
        or not named
        or in_documentation_link(match.string, match.start())
    ):
        return match[0]
    kind = next(kind for start, kind in _RESOURCE_KINDS.items() if type_.startswith(start))
    return replaced(match, "name", take(kind, name, "{}"), len(name))
