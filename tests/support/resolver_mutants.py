"""Mutants of `resolve_chain`: each decides as the resolver does, but for one fault.

A mutant of a condition asks the resolver about a history in which the condition holds, and sends
what the real history has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from chatlab import Message, resolve_chain
from chatlab.chat.messages.history import History


@dataclass(frozen=True)
class Choice:
    """A decision."""

    previous_response_id: str | None
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Question:
    """What a resolver is asked."""

    messages: tuple[object, ...]
    model: str
    store: bool
    plan_mode: bool

    @property
    def readable(self) -> tuple[Message, ...]:
        return History.read(self.messages).messages

    def decide(self) -> Choice:
        found = resolve_chain(
            self.messages, model=self.model, store=self.store, plan_mode=self.plan_mode
        )
        return Choice(found.previous_response_id, tuple(found.messages))

    def seeing(self, change: Callable[[Message], Message | None]) -> Question:
        """The same question about a history in which each message is changed, or left out."""
        changed = (change(one) if isinstance(one, Message) else one for one in self.messages)
        return replace(self, messages=tuple(one for one in changed if one is not None))


Mutant = Callable[[Question], Choice]


def resolver(mutant: Mutant) -> Callable[..., Choice]:
    """`mutant` as a function with the signature of `resolve_chain`."""

    def resolve(messages: Iterable[object], *, model: str, store: bool, plan_mode: bool) -> Choice:
        return mutant(Question(tuple(messages), model, store, plan_mode))

    resolve.__name__ = mutant.__name__
    return resolve


def ignores_store(asked: Question) -> Choice:
    return replace(asked, store=True).decide()


def ignores_plan_mode(asked: Question) -> Choice:
    return replace(asked, plan_mode=False).decide()


def ignores_unreadable_messages(asked: Question) -> Choice:
    return replace(asked, messages=asked.readable).decide()


def ignores_whether_stored(asked: Question) -> Choice:
    return asked.seeing(lambda one: replace(one, stored=True) if one.response_id else one).decide()


def ignores_the_model(asked: Question) -> Choice:
    return asked.seeing(
        lambda one: replace(one, model=asked.model) if one.role == "assistant" else one
    ).decide()


def takes_a_smaller_model_for_the_same(asked: Question) -> Choice:
    return asked.seeing(
        lambda one: (
            replace(one, model=asked.model)
            if one.model
            and (one.model.startswith(asked.model) or asked.model.startswith(one.model))
            else one
        )
    ).decide()


def _without_calls(message: Message) -> Message:
    return replace(
        message, parts=tuple(one for one in message.parts if one not in message.local_calls)
    )


def _in_chain(asked: Question, seen: Question) -> Choice:
    """Decide as `seen`; a replay sends the real history."""
    chosen = seen.decide()
    return chosen if chosen.previous_response_id else asked.decide()


def ignores_open_calls(asked: Question) -> Choice:
    return _in_chain(asked, asked.seeing(_without_calls))


def ignores_all_but_the_first_call(asked: Question) -> Choice:
    def only_first(message: Message) -> Message:
        first = message.local_calls[:1]
        kept = (one for one in message.parts if one not in message.local_calls or one in first)
        return replace(message, parts=tuple(kept))

    results = {one.call_id for message in asked.readable for one in message.local_results}
    has_first = all(
        not one.local_calls or one.local_calls[0].id in results for one in asked.readable
    )
    if not has_first:
        return asked.decide()
    return _in_chain(
        asked,
        asked.seeing(only_first).seeing(
            lambda one: None if one.role == "tool" else _without_calls(one)
        ),
    )


def ignores_unsent_results(asked: Question) -> Choice:
    answered = {one.call_id for message in asked.readable for one in message.local_results}

    def resolved(message: Message) -> Message | None:
        if message.role == "tool":
            return None
        done = all(call.id in answered for call in message.local_calls)
        return _without_calls(message) if done else message

    return _in_chain(asked, asked.seeing(resolved))


def ignores_blank_questions(asked: Question) -> Choice:
    def filled(message: Message) -> Message:
        blank = message.role == "user" and not message.text.strip()
        return replace(message, parts=Message("user", "filled").parts) if blank else message

    chosen = _in_chain(asked, asked.seeing(filled))
    if chosen.previous_response_id is None:
        return chosen
    return replace(chosen, messages=tuple(one for one in chosen.messages if one.text != "filled"))


def passes_over_answers_without_an_id(asked: Question) -> Choice:
    return _in_chain(
        asked,
        asked.seeing(
            lambda one: None if one.role == "assistant" and one.response_id is None else one
        ),
    )


def passes_over_imported_turns(asked: Question) -> Choice:
    kept: list[object] = []
    for one in asked.messages:
        if isinstance(one, Message) and one.role == "assistant" and one.response_id is None:
            kept.pop()
        else:
            kept.append(one)
    return _in_chain(asked, replace(asked, messages=tuple(kept)))


def _anchors(asked: Question) -> list[str]:
    return [one.response_id for one in asked.readable if one.response_id and one.stored]


def continues_the_first_response(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is None:
        return chosen
    return replace(chosen, previous_response_id=_anchors(asked)[0])


def continues_the_response_before_the_last(asked: Question) -> Choice:
    chosen, anchors = asked.decide(), _anchors(asked)
    if chosen.previous_response_id is None or len(anchors) < 2:
        return chosen
    return replace(chosen, previous_response_id=anchors[-2])


def drops_system_messages_of_a_chain(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is None:
        return chosen
    return replace(chosen, messages=tuple(one for one in chosen.messages if one.role != "system"))


def drops_system_messages_of_a_replay(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is not None:
        return chosen
    return replace(chosen, messages=tuple(one for one in chosen.messages if one.role != "system"))


def keeps_only_the_last_system_message(asked: Question) -> Choice:
    chosen = asked.decide()
    systems = [one for one in chosen.messages if one.role == "system"][:-1]
    kept = tuple(one for one in chosen.messages if not any(one is old for old in systems))
    return replace(chosen, messages=kept)


def keeps_only_the_last_question(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is None:
        return chosen
    users = [one for one in chosen.messages if one.role == "user"][:-1]
    kept = tuple(one for one in chosen.messages if not any(one is old for old in users))
    return replace(chosen, messages=kept)


def reverses_the_questions(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is None:
        return chosen
    return replace(chosen, messages=chosen.messages[::-1])


def sends_the_questions_twice(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is None:
        return chosen
    users = tuple(one for one in chosen.messages if one.role == "user")
    return replace(chosen, messages=(*chosen.messages, *users))


def sends_everything_after_a_response(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is None:
        return chosen
    return replace(chosen, messages=asked.readable)


def keeps_the_id_in_a_replay(asked: Question) -> Choice:
    chosen, anchors = asked.decide(), _anchors(asked)
    last = anchors[-1] if anchors else None
    return replace(chosen, previous_response_id=chosen.previous_response_id or last)


def trims_a_replay(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is not None:
        return chosen
    return replace(chosen, messages=chosen.messages[-1:])


def drops_the_first_message_of_a_replay(asked: Question) -> Choice:
    chosen = asked.decide()
    if chosen.previous_response_id is not None or len(chosen.messages) < 2:
        return chosen
    return replace(chosen, messages=chosen.messages[1:])


def drops_tool_results_of_a_replay(asked: Question) -> Choice:
    chosen = asked.decide()
    return replace(chosen, messages=tuple(one for one in chosen.messages if one.role != "tool"))


def never_chains(asked: Question) -> Choice:
    return Choice(None, asked.readable)


def chains_only_without_system_messages(asked: Question) -> Choice:
    if any(one.role == "system" for one in asked.readable):
        return Choice(None, asked.readable)
    return asked.decide()


MUTANTS: tuple[Mutant, ...] = (
    ignores_store,
    ignores_plan_mode,
    ignores_unreadable_messages,
    ignores_whether_stored,
    ignores_the_model,
    takes_a_smaller_model_for_the_same,
    ignores_open_calls,
    ignores_all_but_the_first_call,
    ignores_unsent_results,
    ignores_blank_questions,
    passes_over_answers_without_an_id,
    passes_over_imported_turns,
    continues_the_first_response,
    continues_the_response_before_the_last,
    drops_system_messages_of_a_chain,
    drops_system_messages_of_a_replay,
    keeps_only_the_last_system_message,
    keeps_only_the_last_question,
    reverses_the_questions,
    sends_the_questions_twice,
    sends_everything_after_a_response,
    keeps_the_id_in_a_replay,
    trims_a_replay,
    drops_the_first_message_of_a_replay,
    drops_tool_results_of_a_replay,
    never_chains,
    chains_only_without_system_messages,
)
"""Faulty resolvers, each with one fault."""
