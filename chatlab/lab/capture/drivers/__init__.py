"""Small programs that make one call each and print what came of it as one line of JSON.

All take a program's name, a URL and a JSON object of knobs: `read_timeout_s`,
`connect_timeout_s`, `pool_timeout_s`, `deadline_s`, `cancel_after_s` (seconds), `stream`,
`http2` (over TLS, whose certificate is then not checked) and `proxy` (the URL is the proxy's).
They print `version` and any of `status`, `headers`, `body`, `exception` and `text`; `missing`
when the program is not installed; `passed` when nothing failed.
"""
