"""What a service counts: steps, retries, sizes, the time to the first token, the hub's load.

Needs the `prometheus_client` of the extra ``metrics``, and loads it only when `Metrics` is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Final

from chatlab.errors import Verdict
from chatlab.exceptions import MissingExtra

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector

    from chatlab.chat.hub.hub_api import Hub

PREFIX: Final = "chatlab"
UNKNOWN: Final = "unknown"
"""The label of a provider or model that nobody has told."""

_MODEL: Final = ("provider", "model")

COUNTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "steps_total": ("Requests that gave an answer", _MODEL),
    "compaction_total": ("Compactions of a history", (*_MODEL, "result")),
    "stream_retries_total": ("Retries of a stream", (*_MODEL, "kind", "chain_broken")),
}
"""Each with what it counts, and its labels."""

HISTOGRAMS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "message_count": ("Messages of a prompt", _MODEL),
    "prompt_size_bytes": ("Bytes of a prompt", _MODEL),
    "tool_result_size_bytes": ("Bytes of a tool's result", (*_MODEL, "tool_name")),
    "ttft_seconds": ("Seconds from a request to its first content", _MODEL),
}
"""Each with what it measures, and its labels."""

BUCKETS: Final[Mapping[str, Sequence[float]]] = {
    "message_count": [2**n for n in range(11)],
    "prompt_size_bytes": [1024 * 4**n for n in range(10)],
    "tool_result_size_bytes": [64 * 4**n for n in range(9)],
    "ttft_seconds": [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
}
"""The upper bounds of each histogram's buckets; above the last there is one more."""

PROMPT: Final = ("system", "instructions", "messages", "input", "tools")
"""The arguments of an SDK's call that a model reads."""

OF_HUB: Final[Mapping[str, str]] = {
    "streams_active": "Turns that run in this process",
    "stream_buffer_size_max": "Events in the fullest buffer of a turn",
    "stream_buffer_events": "Events in the buffers of all turns",
    "stream_subscribers": "Viewers of turns",
    "stream_buffer_dropped_total": "Events that a viewer lost because it was too slow",
}
"""What is read from the hub at scrape time, by its field of `HubLoad`; ``_total``: a counter."""


class Metrics:
    """The metrics of chatlab in a registry; their names begin with ``chatlab_``.

    A provider or model that is None has the label ``unknown``. Any thread may call anything.

    Parameters
    ----------
    hub:
        Whose load is read whenever the registry is scraped; None: nobody's.
    registry:
        By default the global one of `prometheus_client`.

    Raises
    ------
    MissingExtra
        Without `prometheus_client`.
    ValueError
        If the registry holds these metrics already.

    Examples
    --------
    >>> from prometheus_client import CollectorRegistry
    >>> registry = CollectorRegistry()
    >>> Metrics(registry=registry).step("openai", "gpt-5")
    >>> labels = {"provider": "openai", "model": "gpt-5"}
    >>> registry.get_sample_value("chatlab_steps_total", labels)
    1.0
    """

    def __init__(
        self, hub: Hub | None = None, *, registry: CollectorRegistry | None = None
    ) -> None:
        prometheus = _prometheus()
        self._counters: dict[str, Counter] = {
            name: prometheus.Counter(name, *row, namespace=PREFIX, registry=None)
            for name, row in COUNTERS.items()
        }
        self._histograms: dict[str, Histogram] = {
            name: prometheus.Histogram(
                name, *row, namespace=PREFIX, registry=None, buckets=BUCKETS[name]
            )
            for name, row in HISTOGRAMS.items()
        }
        collectors: list[Collector] = [*self._counters.values(), *self._histograms.values()]
        if hub is not None:
            collectors.append(_HubCollector(hub))
        _register(prometheus.REGISTRY if registry is None else registry, collectors)

    def step(self, provider: str | None, model: str | None) -> None:
        """A request has given an answer."""
        self._count("steps_total", provider, model)

    def compaction(self, provider: str | None, model: str | None, result: str) -> None:
        """A history was compacted. result: a word for how that went."""
        self._count("compaction_total", provider, model, result)

    def retry(
        self,
        verdict: Verdict,
        model: str | None,
        *,
        provider: str | None = None,
        chain_broken: bool | None = None,
    ) -> None:
        """A stream will be retried because of `verdict`; to be called before anybody is told.

        provider: by default the verdict's. chain_broken: whether the retry heals a lost chain; by
        default what the verdict says, so give False where there was no chain to lose.
        """
        healed = verdict.chain_broken if chain_broken is None else chain_broken
        labels = str(verdict.kind), "true" if healed else "false"
        self._count("stream_retries_total", provider or verdict.provider, model, *labels)

    def request(
        self, provider: str | None, model: str | None, arguments: Mapping[str, object]
    ) -> None:
        """A prompt is sent with the `arguments` of the SDK's call; its size is that of its JSON."""
        prompt = {name: arguments[name] for name in PROMPT if name in arguments}
        said = prompt.get("messages", prompt.get("input"))
        messages = len(said) if isinstance(said, list | tuple) else 1
        size = len(json.dumps(prompt, ensure_ascii=False, default=str).encode("utf-8", "replace"))
        self.prompt(provider, model, messages=messages, size_bytes=size)

    def prompt(
        self, provider: str | None, model: str | None, *, messages: int, size_bytes: int
    ) -> None:
        """A prompt is sent."""
        self._observe("message_count", messages, provider, model)
        self._observe("prompt_size_bytes", size_bytes, provider, model)

    def tool_result(
        self, provider: str | None, model: str | None, tool_name: str, *, size_bytes: int
    ) -> None:
        """A tool has given a result."""
        self._observe("tool_result_size_bytes", size_bytes, provider, model, tool_name)

    def first_content(self, provider: str | None, model: str | None, *, ttft_s: float) -> None:
        """The first content of an answer has come, `ttft_s` seconds after the request."""
        self._observe("ttft_seconds", ttft_s, provider, model)

    def _count(self, name: str, provider: str | None, model: str | None, *more: str) -> None:
        self._counters[name].labels(provider or UNKNOWN, model or UNKNOWN, *more).inc()

    def _observe(
        self, name: str, value: float, provider: str | None, model: str | None, *more: str
    ) -> None:
        self._histograms[name].labels(provider or UNKNOWN, model or UNKNOWN, *more).observe(value)


class _HubCollector:
    """Asks the hub when the registry is scraped."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        load = asdict(self._hub.load)
        for name, said in OF_HUB.items():
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(f"{PREFIX}_{name}", said, value=load[name])

    describe = collect


def _prometheus() -> ModuleType:
    try:
        import prometheus_client
    except ModuleNotFoundError:
        raise MissingExtra("Metrics", "prometheus_client", extra="metrics") from None
    return prometheus_client


def _register(registry: CollectorRegistry, collectors: Sequence[Collector]) -> None:
    """Register all of them, or none."""
    done: list[Collector] = []
    try:
        for collector in collectors:
            registry.register(collector)
            done.append(collector)
    except ValueError:
        for collector in done:
            registry.unregister(collector)
        raise ValueError(
            "Metrics: the registry holds chatlab's metrics already; make one Metrics for each "
            "registry, and share it"
        ) from None
