"""The rule table as data: no dead row, no vague phrase, no undocumented code."""

from __future__ import annotations

import pytest

from chatlab.corpus import Corpus
from chatlab.corpus.mutation.documented_facts import facts_of, outcome, showings
from chatlab.corpus.mutation.rule_coverage import Coverage, coverage, pieces_of
from chatlab.errors import (
    NOTHING_FAILED,
    RULES,
    UNMATCHED,
    Failure,
    Kind,
    Rule,
    RuleTable,
    classify,
)
from chatlab.errors.providers import Fact
from chatlab.errors.reading.text.phrases import GAP, normalise, pieces

FACTS = list(facts_of(RULES))
NOTHING_KNOWN = (UNMATCHED, NOTHING_FAILED)

SAME_AS_NO_RULE = {rule.id for rule in RULES if (rule.kind, rule.retryable) == ("generic", False)}
"""Rules that say what an unknown failure gets anyway: they are there for their message and to keep
later rules from misfiring, so a sample's kind cannot need all of them."""


@pytest.fixture(scope="module")
def covered() -> Coverage:
    return coverage(Corpus.load().values())


def test_ids_are_unique_and_permanent_in_form() -> None:
    """Every id is kebab-case and stands once."""
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    assert all(name.replace("-", "").isalpha() and name.islower() for name in ids)


def test_two_rules_of_one_id_are_refused() -> None:
    """A table with a repeated id is an error that names it."""
    with pytest.raises(ValueError, match="two rules have the id 'chain-lost'"):
        RuleTable([*RULES, RULES.named("chain-lost")])


def test_an_unknown_rule_suggests_the_near_one() -> None:
    """Switching off a misspelt rule says which one was meant."""
    with pytest.raises(KeyError, match="did you mean 'chain-lost'"):
        RULES.without("chain-lots")


def test_every_rule_has_a_reason_for_people() -> None:
    """`because` is a sentence."""
    assert all(len(rule.because) > 15 and rule.because.endswith(".") for rule in RULES)


def test_every_piece_in_a_row_is_needed_by_a_sample(covered: Coverage) -> None:
    """Taking any piece of a row away turns a sample red; what only documentation knows names it."""
    assert [str(piece) for piece in covered.unneeded()] == []


def test_every_rule_is_needed_by_a_sample_or_documented(covered: Coverage) -> None:
    """Taking a rule away turns a sample red, the table below, or that of statuses elsewhere."""
    documented = {rule.id for rule, _ in FACTS}
    by_http = {rule.id for rule in RULES if not any((*rule.codes, *rule.phrases, *rule.exceptions))}
    held = documented | SAME_AS_NO_RULE | by_http
    assert [name for name, ids in covered.rules.items() if not ids and name not in held] == []


@pytest.mark.parametrize(("rule", "fact"), FACTS, ids=[f"{r.id}:{f.value}" for r, f in FACTS])
def test_documented_evidence_decides(rule: Rule, fact: Fact) -> None:
    """A documented code or phrase alone gives its rule's verdict."""
    for showing in showings(rule, fact):
        if showing.alone:
            verdict = classify(showing.failure, rules=RuleTable([rule]))
            assert (verdict.rule == rule.id) == showing.holds, verdict.explain()
        else:
            verdict = classify(showing.failure)
            got = (verdict.kind, verdict.retryable, verdict.chain_broken)
            assert got == outcome(rule), verdict.explain()


PHRASES = [piece for piece in pieces_of(RULES) if piece.column == "phrases"]


@pytest.mark.parametrize("piece", PHRASES, ids=str)
def test_a_phrase_is_not_cut_out_of_longer_words(piece: object) -> None:
    """The near miss of a phrase: the same letters inside longer words do not match."""
    value: str = piece.value  # type: ignore[attr-defined]
    if not (value[0].isascii() and value[0].isalpha()):
        return
    alone = Rule(id="alone", kind=Kind.AUTH, retryable=False, because="-", phrases=(value,))
    text = value.replace(GAP, " so ")
    assert classify(f"x {text} x", rules=[alone]).rule == "alone"
    assert classify(f"xq{text} x", rules=[alone]).rule != alone.id


def test_phrases_are_cut_into_the_pieces_that_texts_are_searched_for() -> None:
    """Also those that are written as texts are normalised, and so are only split."""
    phrases = [str(piece.value) for piece in PHRASES]
    assert [pieces(phrase) for phrase in phrases] == [
        tuple(normalise(piece).strip() for piece in phrase.split(GAP)) for phrase in phrases
    ]


def test_no_piece_is_shadowed_by_an_earlier_rule_of_the_same_evidence() -> None:
    """A code or phrase that an earlier rule claims without condition would never be reached."""
    claimed: dict[tuple[str, str], Rule] = {}
    for rule in RULES:
        own = rule.parts()[0]
        for column in ("codes", "exceptions", "transport", "phrases"):
            for value in getattr(own, column):
                earlier = claimed.get((column, value.casefold()))
                assert earlier is None or earlier.given or earlier.unless or earlier is rule, (
                    f"{rule.id}: {value!r} is already {earlier and earlier.id}'s"
                )
                claimed.setdefault((column, value.casefold()), rule)


NEAR_MISSES = [
    ("a code of another thing", {"body": {"quota": "insufficient_quota_warning_threshold"}}),
    ("a port", {"text": "listening on 127.0.0.1:429"}),
    ("a stream id", {"text": "stream ID 401 opened"}),
    ("a token count", {"text": "used 500 tokens of 503"}),
    ("an exit code", {"text": "the process ended with exit code 500"}),
    ("a model name", {"text": "model qwen-529-instruct answered"}),
    ("a duration", {"text": "took 504 ms"}),
    ("a word inside a word", {"text": "typeof operand and unquotaed beheofs"}),
    ("advice about keys", {"text": "everything is fine with the keys on your ring"}),
    ("a friendly sentence", {"text": "the overloadedness of operators in C++ is a feature"}),
    ("a body that succeeded", {"status": 200, "body": {"id": "1", "choices": []}}),
    ("a module called legacy", {"text": "hyper_util::client::legacy::pool was idle"}),
    ("another illegal header", {"text": "Illegal header value b'x-trace\\n'"}),
    ("a prompt in passing", {"text": "the prompt is invalid in two of nine places"}),
    ("a limit of a vessel", {"text": "the capacity limit of this vessel is 9"}),
    ("a token of a game", {"text": "token was already played"}),
    ("a process id", {"text": "INFO 503 --- [nio-8080-exec-1] o.s.web : served"}),
    ("a sum of tokens", {"text": "Total so far: 500 Tokens"}),
    ("what a server did not answer with", {"text": "the server responded with status 2 of 500"}),
]


@pytest.mark.parametrize(("what", "seen"), NEAR_MISSES, ids=[name for name, _ in NEAR_MISSES])
def test_near_misses_are_caught_by_no_rule(what: str, seen: dict[str, object]) -> None:
    """What only looks like evidence decides nothing."""
    verdict = classify(Failure.from_record(seen))
    assert (verdict.rule in NOTHING_KNOWN, verdict.status_code) == (True, None), what


APART = [
    Failure(body={"error": {"message": "previous response kept", "code": "not_found"}}),
    Failure(body={"error": {"message": "previous response kept", "hint": "not found"}}),
    Failure(exception_text="previous response kept", text="model not found"),
]


@pytest.mark.parametrize("failure", APART, ids=["code", "values", "texts"])
def test_no_phrase_reaches_from_one_text_into_another(failure: Failure) -> None:
    """The pieces of a phrase with a gap count only where the same text holds them in order."""
    table = RuleTable([RULES.named("chain-lost")])
    whole = Failure(text="previous response with the id that was sent: not found")
    assert classify(whole, rules=table).chain_broken
    assert not classify(failure, rules=table).chain_broken


WORDS_NEAR_MISSED = [
    ("a month's report", "we reached your monthly report"),
    ("a question about billing", "the billing tissue of the bird"),
    ("a quotation of the day", "today's daily quotation is by Ada"),
    ("a balance of colours", "the white balance is insufficiently warm"),
    ("a card game", "the subscription expires in a year"),
    ("another list of slots", "the parameter check failed nothing; the range was fine"),
    ("a rack of servers", "the llm server notresponding_total metric is 0"),
    ("an earlier answer", "could not retrieve the previous responses page"),
    ("a provider of doors", "this door is not supported by providers of hinges"),
    ("a length of cloth", "the input length is shown, which exceeds the maximums of last year"),
    ("a recharge of batteries", "手机已充值"),
    ("a resource pack of a game", "已加载资源包"),
    ("a new user", "用户已被邀请"),
    ("a limit of speech", "频率正常"),
    ("a clock of sand", "turn it again in an hourglass shop"),
    ("a case of use", "use case formatting is shown on the next page"),
    ("an answer to a poll", "response respite care is not foundational"),
    ("an agreement on models", "the agreement to these models was signed"),
    ("a form of restriction", "organization_restricted_to_members_of_the_club"),
    ("a referee", "requests from referees are answered"),
]


@pytest.mark.parametrize(
    ("what", "text"), WORDS_NEAR_MISSED, ids=[name for name, _ in WORDS_NEAR_MISSED]
)
def test_words_that_only_resemble_a_failure_decide_nothing(what: str, text: str) -> None:
    """A sentence that shares letters or a word with a phrase is caught by no rule."""
    assert classify(text).rule in NOTHING_KNOWN, what


LOOK_ALIKES = [
    (
        "the daily quota behind a 403",
        {"status": 403, "text": "the daily quota page is for administrators"},
        "auth-status",
    ),
    (
        "an application's own conversation",
        {"status": 404, "text": "Conversation does not exist"},
        "client-status",
    ),
    (
        "a lost item that is no previous response",
        {"status": 400, "text": "Item with id 'rs_1' is no longer here"},
        "client-status",
    ),
    (
        "a parameter that the server does not keep state for",
        {"status": 400, "text": "previous_response_id is not supported by this upstream"},
        "client-status",
    ),
    (
        "a model asked for by a caller without rights",
        {"status": 403, "text": "no permission to list models"},
        "auth-status",
    ),
]


@pytest.mark.parametrize(
    ("what", "seen", "rule"), LOOK_ALIKES, ids=[name for name, _, _ in LOOK_ALIKES]
)
def test_look_alikes_are_left_to_the_status(what: str, seen: dict[str, object], rule: str) -> None:
    """What resembles a spent quota, a lost model or a lost chain is judged by its status."""
    verdict = classify(Failure.from_record(seen))
    assert (verdict.rule, verdict.chain_broken) == (rule, False), what


PROSE_NEAR_MISSED = [
    ("the weather", "the temperature rises, and a coat must follow"),
    ("a parser's complaint", "not well-formed (invalid token): line 1"),
    ("a place in a text", "invalid token at offset 3"),
    ("another number of tokens", "invalid tokens were skipped"),
    ("a way to describe curves", "an unknown parameterisation of the circle"),
    ("a car park", "the parking session expired at noon"),
    ("a drawer", "no keys found in the drawer"),
    ("an address inside", "Private IP not allowed in image_url"),
    ("a limit in a manual", "the maximum number of requests that can be pipelined is 8"),
    ("a reply to an invitation", "the invitation card was declined"),
    ("a road", "the bridge is under maintenance"),
    ("a polite host", "you may try it again later"),
    ("a notice on an old model", "this model is deprecated and will be replaced in May"),
    ("a closing bracket", "missing token ')' in the grammar"),
    ("a change of plans", "this requires a pause, and the plan includes lunch"),
    ("a header of another cloud", "the API requires a subscription key header"),
    ("an allowance that is left", "今日额度剩余 5 次"),
    ("enough machines", "算力充足"),
    ("a user who is here", "已登录"),
    ("a good network", "网络连接正常"),
    ("a wait without a reason", "请稍后"),
]


@pytest.mark.parametrize(
    ("what", "text"), PROSE_NEAR_MISSED, ids=[name for name, _ in PROSE_NEAR_MISSED]
)
def test_prose_that_shares_words_with_a_failure_decides_nothing(what: str, text: str) -> None:
    """Words of money, keys, limits and networks in another sense are caught by no rule."""
    assert classify(text).rule in NOTHING_KNOWN, what


TOLD_APART = [
    (
        "a limit that money lifts",
        "429 RPM limit reached, upgrade your plan or wait 6 s",
        "rate_limit",
    ),
    ("a day's allowance", "今日额度已用完，请明天再试", "rate_limit"),
    ("a spent allowance", "模型 API 额度已用完，请充值后重试。", "usage_limit"),
    (
        "an account without money",
        "Your account is not active, check your billing details",
        "usage_limit",
    ),
    ("an account that is off", "User account is not active", "auth"),
    ("a model for others", "key not authorized to access the requested model", "config"),
    ("a key for others", "Your client is not authorized to use this API key", "auth"),
    ("a model that is off", "Model is disabled", "config"),
    ("an account that was closed", "Account disabled", "auth"),
    ("a setting", "max_tokens must be at most 4096", "config"),
    ("a message", "messages: content must be a string", "generic"),
    ("a throttle at 429", "429 temperature must be lower, says the proxy", "rate_limit"),
    ("a pool that is empty", "No available accounts: no available accounts", "overloaded"),
    ("a pool without the model", "No available accounts support the requested model", "config"),
]


@pytest.mark.parametrize(("what", "text", "kind"), TOLD_APART, ids=[one[0] for one in TOLD_APART])
def test_sentences_that_share_their_words_are_told_apart(what: str, text: str, kind: str) -> None:
    """Money, rate, access and settings are told apart where the sentences look alike."""
    assert classify(text).kind == kind, what
