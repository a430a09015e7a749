"""The servers and proxies of the distribution, and what each is asked."""

from __future__ import annotations

from typing import Final

from chatlab.lab.capture.faults import plans
from chatlab.lab.capture.faults.fault import Label
from chatlab.lab.capture.faults.plans import Act, answer
from chatlab.lab.capture.servers.server import Case, Server


def _late(why: str, status: int, retry_after_s: float | None = None) -> Label:
    return Label("timeout", True, why, status, retry_after_s)


_LARGE: Final = "x" * 6000
_TOO_LARGE: Final = Label("generic", False, "413: the request body is too large", 413)
_DENIED: Final = Label("auth", False, "403: the gateway does not let this caller in", 403)
_LIMITED: Final = Label("rate_limit", True, "429 of the gateway's own limit", 429)
_NO_PATH: Final = Label(
    "generic", False, "404: there is nothing at this path", 404, accept={"kind": ["config"]}
)
_DOWN: Final = _late("the gateway cannot reach its upstream", 502)
_SLOW: Final = _late("the upstream did not answer in the gateway's time", 504)
_BROKEN: Final = _late("the upstream broke the connection off", 502)
_CUT: Final = (plans.part(60), Act.CLOSE)
_FULL: Final = answer(200, plans.COMPLETION)

_NGINX: Final = (
    Case("upstream-down", _DOWN, path="/down", log="connect() failed"),
    Case("upstream-slow", _SLOW, (Act.STALL,), log="upstream timed out"),
    Case("upstream-reset", _BROKEN, (Act.RESET,), page=False, log="recv() failed"),
    Case("upstream-closed", _BROKEN, page=False, log="upstream prematurely closed"),
    Case("upstream-cut", _BROKEN, _CUT, page=False, log="upstream prematurely closed"),
    Case("body-too-large", _TOO_LARGE, body=_LARGE, log="too large body"),
    Case("denied", _DENIED, path="/denied", log="access forbidden"),
    Case("limited", _LIMITED, _FULL, path="/limited", asked=2, log="limiting requests"),
    Case("busy", _late("503 of the gateway's own limit", 503), _FULL, path="/busy", asked=2),
    Case(
        "private", Label("auth", False, "401: the gateway wants a password", 401), path="/private"
    ),
    Case("missing", _NO_PATH, path="/missing"),
    Case(
        "header-too-large",
        Label("generic", False, "400: a header of the request is too large", 400),
        headers={"x-large": "x" * 20000},
    ),
)
_HAPROXY: Final = (
    Case(
        "upstream-down",
        _late("no server can be reached behind the gateway", 503),
        path="/down",
        log="SC--",
        log_status=503,
    ),
    Case("upstream-slow", _SLOW, (Act.STALL,), log="sH--", log_status=504),
    Case("upstream-reset", _BROKEN, (Act.RESET,), log="SH--", log_status=502),
    Case(
        "body-too-large",
        Label(
            "generic",
            False,
            "413: the request body is too large",
            413,
            accept={"status_code": [None]},
        ),
        body=_LARGE,
        log="PR--",
        log_status=413,
    ),
    Case("denied", _DENIED, path="/denied", log="PR--", log_status=403),
    Case("limited", _LIMITED, path="/limited", log="PR--", log_status=429),
    Case(
        "no-server",
        _late("the gateway has no server for this path", 503),
        path="/nobody",
        page=False,
        log="NOSRV",
        log_status=503,
    ),
)
_APACHE: Final = (
    Case(
        "upstream-down",
        _late("503: the gateway cannot reach its upstream; its page is a stock text", 503),
        path="/down",
        log="AH00957",
    ),
    Case("upstream-slow", _BROKEN, (Act.STALL,), log="AH01102"),
    Case("upstream-reset", _BROKEN, (Act.RESET,), page=False, log="AH01102"),
    Case("upstream-closed", _BROKEN, page=False, log="AH01102"),
    Case("denied", _DENIED, path="/denied", log="AH01630"),
    Case("missing", _NO_PATH, path="/missing"),
)
_VARNISH: Final = (
    Case("upstream-down", _late("the cache cannot fetch from its backend", 503, 5.0), path="/down"),
    Case(
        "denied",
        Label("auth", False, "403: the cache does not let this caller in", 403, 5.0),
        path="/denied",
    ),
)
_SQUID: Final = (
    Case(
        "upstream-down", _late("the proxy cannot connect", 503), path="http://127.0.0.1:{nobody}/v1"
    ),
    Case("upstream-slow", _SLOW, (Act.STALL,), path="http://127.0.0.1:{upstream}/v1"),
    Case("upstream-reset", _BROKEN, (Act.RESET,), path="http://127.0.0.1:{upstream}/v1"),
    Case("upstream-closed", _BROKEN, path="http://127.0.0.1:{upstream}/v1"),
    Case("denied", _DENIED, path="http://denied.example.com/v1"),
    Case(
        "credentials-wanted",
        Label("auth", False, "the proxy wants credentials", 407),
        path="http://private.example.com/v1",
    ),
    Case("body-too-large", _TOO_LARGE, path="http://127.0.0.1:{upstream}/v1", body=_LARGE),
)

PROXIES: Final = (
    Server(
        "nginx",
        "nginx",
        "nginx.conf",
        ("nginx", "-e", "stderr", "-c", "{config}", "-p", "{folder}"),
        ("nginx", "-v"),
        "apt-get install nginx-light",
        _NGINX,
        log="error.log",
    ),
    Server(
        "haproxy",
        "HAProxy",
        "haproxy.cfg",
        ("haproxy", "-f", "{config}"),
        ("haproxy", "-v"),
        "apt-get install haproxy",
        _HAPROXY,
    ),
    Server(
        "apache2",
        "Apache httpd",
        "apache2.conf",
        ("apache2", "-f", "{config}", "-D", "FOREGROUND"),
        ("apache2", "-v"),
        "apt-get install apache2",
        _APACHE,
        log="error.log",
    ),
    Server(
        "varnish",
        "Varnish",
        "varnish.vcl",
        *(
            (
                "varnishd",
                "-F",
                "-f",
                "{config}",
                "-a",
                "127.0.0.1:{port}",
                "-n",
                "{folder}/varnish",
                "-s",
                "malloc,8m",
            ),
            ("varnishd", "-V"),
        ),
        "apt-get install varnish",
        _VARNISH,
    ),
    Server(
        "squid",
        "Squid",
        "squid.conf",
        ("squid", "-N", "-f", "{config}"),
        ("squid", "-v"),
        "apt-get install squid",
        _SQUID,
    ),
)
"""Every one of them."""
