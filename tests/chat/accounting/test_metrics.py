"""What a service counts, as Prometheus reads it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from support.turn_events import words

from chatlab.chat.accounting.prometheus import BUCKETS, Metrics
from chatlab.chat.hub.hub_api import Hub
from chatlab.chat.storage.store_file import Store
from chatlab.errors import Kind, Verdict

Labels = dict[str, str]
GPT = {"provider": "openai", "model": "gpt-5"}


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of the test's own."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    """Metrics in that registry, without a hub."""
    return Metrics(registry=registry)


def value(registry: CollectorRegistry, name: str, labels: Labels | None = None) -> float | None:
    """What a scrape gives for one sample."""
    return registry.get_sample_value(name, labels or {})


def test_steps_compactions_and_retries_are_counted_by_what_they_are(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Each label is a text; a provider or model that nobody told is unknown."""
    metrics.step("openai", "gpt-5")
    metrics.step("openai", "gpt-5")
    metrics.step(None, None)
    metrics.compaction("openai", "gpt-5", "failed")
    metrics.retry(Verdict(Kind.RATE_LIMIT, True, "openai"), "gpt-5")
    metrics.retry(Verdict(Kind.TIMEOUT, True), None, provider="azure")
    assert value(registry, "chatlab_steps_total", GPT) == 2
    unknown = {"provider": "unknown", "model": "unknown"}
    assert value(registry, "chatlab_steps_total", unknown) == 1
    assert value(registry, "chatlab_compaction_total", {**GPT, "result": "failed"}) == 1
    name, healed = "chatlab_stream_retries_total", {"chain_broken": "false"}
    assert value(registry, name, {**GPT, **healed, "kind": "rate_limit"}) == 1
    azure = {"provider": "azure", "model": "unknown", "kind": "timeout"}
    assert value(registry, name, {**azure, **healed}) == 1


def test_healed_retries_are_counted_apart(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The verdict says that a chain was lost; where there was none, the turn says so."""
    lost = Verdict(Kind.GENERIC, True, "openai", chain_broken=True)
    for chain_broken in (None, None, True, False):
        metrics.retry(lost, "gpt-5", chain_broken=chain_broken)
    metrics.retry(Verdict(Kind.GENERIC, True, "openai"), "gpt-5")
    name, labels = "chatlab_stream_retries_total", {**GPT, "kind": "generic"}
    assert value(registry, name, {**labels, "chain_broken": "true"}) == 3
    assert value(registry, name, {**labels, "chain_broken": "false"}) == 2


def test_the_buckets_are_those_that_dashboards_expect() -> None:
    """As figures, because a change of them breaks every stored query."""
    assert {
        "message_count": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
        "prompt_size_bytes": [
            *(1024, 4096, 16384, 65536, 262144, 1048576, 4194304),
            *(16777216, 67108864, 268435456),
        ],
        "tool_result_size_bytes": [64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304],
        "ttft_seconds": [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    } == BUCKETS


def test_sizes_and_times_fall_into_their_buckets(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Bounds belong to their bucket; what is above the last is in the endless one."""
    metrics.prompt("openai", "gpt-5", messages=4, size_bytes=4097)
    metrics.tool_result("openai", "gpt-5", "search", size_bytes=10**9)
    metrics.first_content("openai", "gpt-5", ttft_s=0.3)
    tool = {**GPT, "tool_name": "search"}
    expected = {
        ("message_count", "2.0"): 0,
        ("message_count", "4.0"): 1,
        ("prompt_size_bytes", "4096.0"): 0,
        ("prompt_size_bytes", "16384.0"): 1,
        ("tool_result_size_bytes", "4.194304e+06"): 0,
        ("tool_result_size_bytes", "+Inf"): 1,
        ("ttft_seconds", "0.25"): 0,
        ("ttft_seconds", "0.5"): 1,
    }
    for (name, bound), count in expected.items():
        labels = tool if name.startswith("tool") else GPT
        assert value(registry, f"chatlab_{name}_bucket", {**labels, "le": bound}) == count
    assert value(registry, "chatlab_prompt_size_bytes_sum", GPT) == 4097
    for name, bounds in BUCKETS.items():
        labels = tool if name.startswith("tool") else GPT
        samples = [s for m in registry.collect() if m.name == f"chatlab_{name}" for s in m.samples]
        found = [s.labels["le"] for s in samples if s.name.endswith("_bucket")]
        assert [float(one) for one in found] == [*bounds, float("inf")]
        assert {frozenset(s.labels) - {"le"} for s in samples} == {frozenset(labels)}


def test_the_hub_is_read_when_the_registry_is_scraped(registry: CollectorRegistry) -> None:
    """So what is scraped is what there is then, with every loss, also of a viewer that is stuck."""
    with Hub(buffer=4) as hub:
        Metrics(hub, registry=registry)
        read = partial(value, registry)
        names = ("streams_active", "stream_buffer_size_max", "stream_buffer_events")
        assert [read(f"chatlab_{name}") for name in names] == [0, 0, 0]
        with hub.open("t") as stream, hub.open("u") as other:
            viewers = [hub.subscribe("t", after=0) for _ in range(3)]
            for piece in words(7):
                stream.publish(piece)
            for piece in words(2):
                other.publish(piece)
            assert [read(f"chatlab_{name}") for name in names] == [2, 4, 6]
            assert read("chatlab_stream_subscribers") == 3
            assert read("chatlab_stream_buffer_dropped_total") == 21
            viewers[0].take()
            viewers[1].close()
            stream.publish(next(words(1)))
            assert read("chatlab_stream_subscribers") == 2
            assert read("chatlab_stream_buffer_dropped_total") == 22
        assert read("chatlab_streams_active") == 0


def test_the_relay_is_no_viewer(registry: CollectorRegistry, tmp_path: Path) -> None:
    """It reads every turn of a hub with a store; viewers elsewhere are counted where they are."""
    with Store(tmp_path / "chats.db") as store, Hub(store) as here, Hub(store) as there:
        Metrics(here, registry=registry)
        with here.open("t") as stream:
            viewer = there.subscribe("t", after=0)
            for piece in words(3):
                stream.publish(piece)
            while viewer.position != 3:
                viewer.take()
            assert value(registry, "chatlab_stream_subscribers") == 0
            assert (there.load.stream_subscribers, there.load.streams_active) == (1, 0)
            assert there.load.stream_buffer_events == 3


@pytest.fixture
def served(registry: CollectorRegistry) -> Iterator[str]:
    """The address at which the registry can be scraped."""
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_scrape_has_exactly_these_metrics(registry: CollectorRegistry, served: str) -> None:
    """With their kinds and labels, over HTTP, read by Prometheus' own parser."""
    with Hub() as hub:
        metrics = Metrics(hub, registry=registry)
        metrics.step("openai", "gpt-5")
        metrics.compaction("openai", "gpt-5", "done")
        metrics.retry(Verdict(Kind.OVERLOADED, True, "openai"), "gpt-5")
        metrics.prompt("openai", "gpt-5", messages=1, size_bytes=1)
        metrics.tool_result("openai", "gpt-5", "search", size_bytes=1)
        metrics.first_content("openai", "gpt-5", ttft_s=1)
        with urlopen(served) as response:
            text = response.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if not family.name.endswith("_created"):
            found[family.name] = (family.type, " ".join(sorted(labels)))
    assert found == {
        "chatlab_steps": ("counter", "model provider"),
        "chatlab_compaction": ("counter", "model provider result"),
        "chatlab_stream_retries": ("counter", "chain_broken kind model provider"),
        "chatlab_message_count": ("histogram", "model provider"),
        "chatlab_prompt_size_bytes": ("histogram", "model provider"),
        "chatlab_tool_result_size_bytes": ("histogram", "model provider tool_name"),
        "chatlab_ttft_seconds": ("histogram", "model provider"),
        "chatlab_streams_active": ("gauge", ""),
        "chatlab_stream_buffer_size_max": ("gauge", ""),
        "chatlab_stream_buffer_events": ("gauge", ""),
        "chatlab_stream_subscribers": ("gauge", ""),
        "chatlab_stream_buffer_dropped": ("counter", ""),
    }
    assert "chatlab_stream_buffer_dropped_total 0.0" in text


def test_a_registry_takes_the_metrics_once(registry: CollectorRegistry) -> None:
    """The second time is refused and changes nothing; another registry takes them too."""
    first = Metrics(registry=registry)
    with Hub() as hub, pytest.raises(ValueError, match="holds chatlab's metrics already; make one"):
        Metrics(hub, registry=registry)
    assert value(registry, "chatlab_streams_active") is None
    first.step("openai", "gpt-5")
    Metrics(registry=CollectorRegistry()).step("openai", "gpt-5")
    assert value(registry, "chatlab_steps_total", GPT) == 1


def test_a_registration_that_fails_leaves_nothing_behind(registry: CollectorRegistry) -> None:
    """So it can be tried again when what is in its way is gone."""
    with Hub() as hub:
        from prometheus_client import Gauge

        other = Gauge("chatlab_streams_active", "Of somebody else", registry=registry)
        with pytest.raises(ValueError, match="holds chatlab's metrics already"):
            Metrics(hub, registry=registry)
        registry.unregister(other)
        Metrics(hub, registry=registry)
        assert value(registry, "chatlab_streams_active") == 0


def test_without_a_registry_the_global_one_is_used() -> None:
    """Where `prometheus_client.start_http_server` looks."""
    metrics = Metrics()
    try:
        metrics.step("openai", "of the global registry")
        labels = {"provider": "openai", "model": "of the global registry"}
        assert value(REGISTRY, "chatlab_steps_total", labels) == 1
    finally:
        for collector in (*metrics._counters.values(), *metrics._histograms.values()):
            REGISTRY.unregister(collector)


def test_threads_count_together(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Nothing is lost between them."""

    def count() -> None:
        for _ in range(500):
            metrics.step("openai", "gpt-5")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(registry, "chatlab_steps_total", GPT) == 2000


def test_prometheus_client_is_loaded_late_and_missed_clearly() -> None:
    """The module can be imported without it; making the metrics names the extra."""
    program = """
import sys
sys.modules["prometheus_client"] = None
from chatlab.chat.accounting.prometheus import Metrics
try:
    Metrics()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "Metrics needs prometheus_client: pip install 'chatlab[metrics]'\n"
    assert done.stderr == ""
