"""Calls of a real bedrock-runtime client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import botocore.session
from botocore.config import Config

from support.real_calls import caught


@contextmanager
def bedrock(url: str, key: bool = True) -> Iterator[Any]:
    """A real bedrock-runtime client that talks to `url`."""
    session = botocore.session.Session()
    session.set_config_variable("metadata_service_num_attempts", 1)
    if key:
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "not-a-real-secret-not-a-real-secret-0000")
    else:
        session.register_component("credential_provider", _NoCredentials())
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=0.3, connect_timeout=1)
    client = session.create_client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=settings
    )
    with closing(client):
        yield client


class _NoCredentials:
    """A machine without any AWS credentials."""

    def load_credentials(self) -> None:
        return None


def converse(url: str, key: bool = True) -> BaseException:
    """What a Converse call raises."""
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    with bedrock(url, key) as client:
        return caught(lambda: client.converse(modelId="anthropic.claude", messages=messages))
