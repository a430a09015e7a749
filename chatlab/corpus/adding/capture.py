"""A failing call in a notebook, kept: from an exception to a new sample.

    with corpus.capture() as caught:
        client.responses.create(...)
    caught.proposal.write()

The exception does not end the cell: it is kept as ``caught.error``.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from chatlab.corpus.adding.proposal import Proposal
from chatlab.corpus.adding.propose import Intake
from chatlab.corpus.library import Library
from chatlab.corpus.sample import SampleError
from chatlab.text.markup import safe

_NOTHING: Final = (
    "nothing failed in the with block; call saw(response) there to hand over what you have"
)


class Caught:
    """The failure of a ``with corpus.capture()`` block, which may hold ``await`` as well.

    An `Exception` is kept as `error` and goes no further, unless reraise is given.
    KeyboardInterrupt, SystemExit and CancelledError are neither kept nor stopped. A failure that
    raises nothing is handed over with `saw`. The repr shows the `proposal`, without secrets;
    `error` is the exception itself. The object can be used again.
    """

    def __init__(
        self, intake: Intake, *, provider: str | None = None, reraise: bool = False
    ) -> None:
        self.error: Exception | None = None
        self._intake: Final = intake
        self._provider = provider
        self._reraise = reraise
        self._seen: object = None
        self._proposal: Proposal | None = None

    @property
    def corpus(self) -> Library:
        """The corpus that the sample would be added to."""
        return self._intake.corpus

    def saw(self, anything: object) -> None:
        """Hand over a response, a payload or a text; an exception in the block outranks it."""
        self._seen, self._proposal = anything, None

    @property
    def proposal(self) -> Proposal:
        """The sample that it would make; raises `SampleError` when nothing failed."""
        if self._proposal is None:
            seen = self.error if self.error is not None else self._seen
            if seen is None:
                raise SampleError(_NOTHING)
            try:
                self._proposal = self._intake.propose(seen, provider=self._provider)
            except SystemExit:
                raise SampleError(
                    "an attribute of it ends the program when it is read; give its text: saw(text)"
                ) from None
        return self._proposal

    def __enter__(self) -> Self:
        self.error = self._seen = self._proposal = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error, self._proposal = error, None
        return not self._reraise

    def __repr__(self) -> str:
        try:
            return repr(self.proposal)
        except SampleError as problem:
            return self._instead(problem)

    def _repr_html_(self) -> str:
        try:
            return self.proposal._repr_html_()
        except SampleError as problem:
            return safe(self._instead(problem))

    def _instead(self, problem: Exception) -> str:
        name = f"caught {type(self.error).__qualname__}: " if self.error is not None else ""
        return f"{name}{problem}"
