"""A failing call in a notebook, caught whole: the way from an exception to a new sample.

    with corpus.capture() as caught:
        client.responses.create(...)
    caught.proposal.write()

The exception does not end the cell: it is kept as ``caught.error``.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from chatlab.corpus.sample import SampleError
from chatlab.text.markup import safe

if TYPE_CHECKING:
    from chatlab.corpus.adding.proposal import Proposal
    from chatlab.corpus.library import Corpus

_NOTHING = "nothing failed in the with block; call saw(response) there to hand over what you have"


class Caught:
    """What failed inside a ``with corpus.capture()``: a plain ``with``, around ``await`` as well.

    Every `Exception` is kept as `error` and goes no further, unless reraise is given; what ends a
    program or a task (KeyboardInterrupt, SystemExit, CancelledError) is neither kept nor stopped.
    A failure that raises nothing is handed over with `saw`. Looking at it shows the `proposal`,
    without secrets; `error` is the exception as it was. Used again, it begins anew.
    """

    def __init__(self, corpus: Corpus, provider: str | None = None, reraise: bool = False) -> None:
        self.error: Exception | None = None
        self.corpus = corpus
        self._provider = provider
        self._reraise = reraise
        self._seen: object = None
        self._proposal: Proposal | None = None

    def saw(self, anything: object) -> None:
        """Hand over a response, a payload or a text; an exception in the block beats it."""
        self._seen, self._proposal = anything, None

    @property
    def proposal(self) -> Proposal:
        """The sample that it would make; raises `SampleError` when nothing failed."""
        if self._proposal is None:
            seen = self.error if self.error is not None else self._seen
            if seen is None:
                raise SampleError(_NOTHING)
            try:
                self._proposal = self.corpus.propose(seen, provider=self._provider)
            except SystemExit:
                raise SampleError(
                    "reading it ends the program, by an attribute of its own; give what it said: "
                    "saw(text)"
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
        except (SampleError, ModuleNotFoundError) as problem:
            return self._instead(problem)

    def _repr_html_(self) -> str:
        try:
            return self.proposal._repr_html_()
        except (SampleError, ModuleNotFoundError) as problem:
            return safe(self._instead(problem))

    def _instead(self, problem: Exception) -> str:
        name = f"caught {type(self.error).__qualname__}: " if self.error is not None else ""
        return f"{name}{problem}"
