"""A recorded exchange as a reply: the same bytes in the same chunks, and the same end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chatlab.lab.faults.cassette_file import read_exchanges
from chatlab.lab.faults.recorded_exchange import RecordedExchange
from chatlab.lab.protocols.exchange import (
    TRANSFER_HEADERS,
    BodyPiece,
    End,
    ReceivedRequest,
    Reply,
    sendable,
)
from chatlab.lab.protocols.notation import ScriptError, check, to_text

_ENDS: Final = {
    "clean": End.CLEAN,
    "closed": End.CLOSE,
    "reset": End.RESET,
    "timeout": End.STALL,
    "cancelled": End.STALL,
    "rst-stream": End.RST_STREAM,
    "goaway": End.GOAWAY,
}


@dataclass(frozen=True, slots=True)
class CassetteStep:
    """A step that plays a recorded exchange.

    >>> str(CassetteStep("overloaded.json", exchange=1))
    'cassette:overloaded.json,exchange=1'

    Parameters
    ----------
    path : str
        The cassette's file.
    exchange : int
        Which exchange of the cassette, from 0.
    time_factor : float
        Multiplies the recorded delays; 0 sends everything at once.

    Raises
    ------
    ScriptError
        For a negative number.
    """

    path: str
    exchange: int = 0
    time_factor: float = 1.0

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a negative number."""
        check(self)

    def __str__(self) -> str:
        """Return the short text, for example ``cassette:overloaded.json,exchange=1``."""
        return to_text(self)

    def load(self) -> RecordedExchange:
        """Return the exchange from the file.

        Raises `ScriptError` for a file that is not a cassette, for a missing exchange,
        and one that no server can play.
        """
        exchanges = read_exchanges(self.path)
        if self.exchange >= len(exchanges):
            last = f"the last is exchange={len(exchanges) - 1}" if exchanges else "it is empty"
            raise ScriptError(f"{self}: the cassette has {len(exchanges)} exchange(s); {last}")
        exchange = exchanges[self.exchange]
        end = exchange.end
        has_connected = end.how != "timeout" or str(end.exception).endswith(".ReadTimeout")
        if end.how not in _ENDS or not has_connected:
            raise ScriptError(
                f"{self}: it ended with {end.exception}, which no server can play; take a fault "
                'such as "refuse-connection"'
            )
        return exchange


def as_reply(step: CassetteStep, exchange: RecordedExchange, request: ReceivedRequest) -> Reply:
    """Return the reply that ``exchange``, loaded for ``step``, is.

    Raises `ScriptError` when ``request`` is of another kind than the recorded one. Over
    HTTP/1.1 a body of announced length is kept apart in its chunks by their times only.
    """
    _check_fits(step, exchange, request)
    how, code = _ENDS[exchange.end.how], exchange.end.h2_code or 0
    factor = step.time_factor
    response = exchange.response
    if response is None:
        return Reply(None, end=how, h2_code=code, head_after_s=exchange.end.at_s * factor)
    kept = response.headers.items()
    pairs = [(name, str(value)) for name, value in kept if name not in TRANSFER_HEADERS]
    body: list[BodyPiece] = []
    before_s = response.at_s
    for chunk in response.chunks:
        body.append(BodyPiece(chunk.data, content=True, after_s=(chunk.at_s - before_s) * factor))
        before_s = chunk.at_s
    if how is not End.STALL:
        body.append(BodyPiece(b"", after_s=(exchange.end.at_s - before_s) * factor))
    return Reply(
        response.status,
        sendable(pairs, step),
        tuple(body),
        how,
        code,
        response.length,
        head_after_s=response.at_s * factor,
    )


def _check_fits(step: CassetteStep, exchange: RecordedExchange, request: ReceivedRequest) -> None:
    recorded = exchange.request
    if not recorded.path.endswith(request.path.removeprefix("/v1")):
        raise ScriptError(f"{step} was recorded on {recorded.path}, not on {request.path}")
    is_good = exchange.response is not None and exchange.response.status < 400
    if is_good and recorded.stream not in (None, request.stream):
        raise ScriptError(f"{step} was recorded with stream={recorded.stream}; call it so")
    if exchange.end.how in ("rst-stream", "goaway") and request.http_version != "2":
        raise ScriptError(
            f"{step} needs HTTP/2; give the SDK an httpx2 client with http2=True, http1=False"
        )
