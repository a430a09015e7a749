"""chatlab's decisions for those who retry with tenacity: its stop, wait and retry objects.

Use ``@tenacity.retry(**tenacity_kwargs(Backoff()))``, or the single objects, which are tenacity's
own and combine with others: ``stop(policy) | tenacity.stop_after_delay(60)``. tenacity is imported
when the first of them is made; the extra ``tenacity`` installs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from chatlab.errors import Kind, Verdict
from chatlab.errors import classify as classify_failure
from chatlab.exceptions import MissingExtra
from chatlab.retry.backoff import Backoff, GiveUp

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.retry import retry_base
    from tenacity.stop import stop_base
    from tenacity.wait import wait_base

Classify = Callable[[BaseException], Verdict]


class TenacityKwargs(TypedDict):
    """What `tenacity_kwargs` returns: arguments of ``tenacity.retry`` and ``Retrying``."""

    stop: stop_base
    wait: wait_base
    retry: retry_base
    reraise: bool


def tenacity_kwargs(policy: Backoff, classify: Classify = classify_failure) -> TenacityKwargs:
    """All three objects, and ``reraise`` so that the call's own exception comes out.

    classify: judges each exception. Raises ImportError if tenacity is missing.
    """
    return TenacityKwargs(
        stop=stop(policy, classify),
        wait=wait(policy, classify),
        retry=retry(classify),
        reraise=True,
    )


def stop(policy: Backoff, classify: Classify = classify_failure) -> stop_base:
    """Stops when `policy` gives up: a limit is reached, or a hint is above the ceiling.

    classify: judges each exception. Raises ImportError if tenacity is missing.
    """
    _need_tenacity()
    from tenacity.stop import stop_base

    class PolicyStop(stop_base):
        def __call__(self, retry_state: RetryCallState) -> bool:
            verdict = _verdict(retry_state, classify)
            # tenacity asks for the wait before it asks whether to stop.
            total_s = (retry_state.seconds_since_start or 0.0) + retry_state.upcoming_sleep
            attempt = retry_state.attempt_number - 1
            return policy.give_up(attempt, verdict, total_s=total_s) is not None

    return PolicyStop()


def wait(policy: Backoff, classify: Classify = classify_failure) -> wait_base:
    """Waits as long as `policy` says, with the hint as a floor; seconds.

    classify: judges each exception. Raises ImportError if tenacity is missing.
    """
    _need_tenacity()
    from tenacity.wait import wait_base

    # Only `stop` knows how much time is spent.
    policy = replace(policy, max_total_s=None)

    class PolicyWait(wait_base):
        def __call__(self, retry_state: RetryCallState) -> float:
            verdict = _verdict(retry_state, classify)
            attempt = retry_state.attempt_number - 1
            previous_s = retry_state.upcoming_sleep if attempt else None
            answer = policy.wait(attempt, verdict, previous_s=previous_s)
            return 0.0 if isinstance(answer, GiveUp) else answer.delay_s

    return PolicyWait()


def retry(classify: Classify = classify_failure) -> retry_base:
    """Retries what `classify` calls retryable, never KeyboardInterrupt, cancellation and the like.

    Raises ImportError if tenacity is missing.
    """
    _need_tenacity()
    from tenacity.retry import retry_if_exception

    return retry_if_exception(
        lambda error: isinstance(error, Exception) and classify(error).retryable
    )


def _verdict(retry_state: RetryCallState, classify: Classify) -> Verdict:
    error = retry_state.outcome.exception() if retry_state.outcome else None
    if error is None:  # a result that another strategy wants again
        return Verdict(Kind.GENERIC, retryable=True)
    return classify(error)


def _need_tenacity() -> None:
    try:
        import tenacity  # noqa: F401
    except ImportError as missing:
        raise MissingExtra("chatlab.retry.strategies", "tenacity", extra="tenacity") from missing
