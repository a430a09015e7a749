"""Pictures and explorer of retry schedules: what is drawn is the schedule, and the text says it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from itertools import accumulate

import ipywidgets as widgets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.image import imread

from chatlab.retry import PRESETS, Backoff, Decorrelated, Equal, Full, Jitter, Preset
from chatlab.views.figures.backoff import total_wait_chart, waits_chart
from chatlab.views.figures.figure import Chart
from chatlab.views.forms.backoff_explorer import BackoffExplorer

Draw = Callable[..., Chart]
DRAWN: list[Draw] = [waits_chart, total_wait_chart]


def axes_of(chart: Chart) -> Axes:
    """The one pair of axes."""
    (axes,) = chart.figure.axes
    return axes


def numbers(values: object) -> list[float]:
    """What a line holds."""
    return [float(value) for value in np.ravel(np.asarray(values))]


def heights(chart: Chart) -> dict[str, list[float]]:
    """The values of every named line."""
    return {str(line.get_label()): numbers(line.get_ydata()) for line in axes_of(chart).lines}


def levels(chart: Chart) -> set[float]:
    """Where the lines stand that go across."""
    lines = axes_of(chart).lines
    return {numbers(line.get_ydata())[0] for line in lines if numbers(line.get_xdata()) == [0, 1]}


def words(chart: Chart) -> str:
    """Every text inside the axes."""
    return " | ".join(text.get_text() for text in axes_of(chart).texts)


def test_the_sentence_says_what_the_policy_costs() -> None:
    """Worst case, why it ends, and every wait, computed from the schedule."""
    assert repr(waits_chart({"default": Backoff()})) == (
        "default: worst case you wait 19 min 3 s, then it stops: the limit is 25 attempts "
        "(1 s, 2 s, 4 s, 8 s, 16 s, 32 s, 18 times 1 min)."
    )
    assert repr(total_wait_chart({"default": Backoff()})) == (
        "default: worst case you wait 19 min 3 s, then it stops: the limit is 25 attempts."
    )


def test_every_wait_is_drawn_where_the_schedule_has_it() -> None:
    """One dot a wait; the ceiling is a line of its own, and without a hint there is no floor."""
    chart = waits_chart({"default": Backoff()})
    drawn = heights(chart)["default (19 min 3 s, then stops)"]
    assert drawn == [span.high_s for span in Backoff().schedule().waits]
    assert levels(chart) == {300}
    assert words(chart) == "ceiling 5 min: a longer hint ends it"


def test_a_hint_is_drawn_as_a_floor_over_the_plain_backoff() -> None:
    """The floor is named, the waits stand on it, and the backoff below shows through."""
    chart = waits_chart({"mine": Backoff()}, hint_s=30)
    assert levels(chart) == {30, 300}
    assert "the provider asks for 30 s" in words(chart)
    assert "without the hint" in words(chart)
    assert [1, 2, 4, 8, 16, 32] in [line[:6] for line in heights(chart).values()]
    assert heights(chart)["mine (21 min 2 s, then stops)"][:7] == [30, 30, 30, 30, 30, 32, 60]
    assert "(5 times 30 s, 32 s, 18 times 1 min)" in chart.sentence
    assert chart.sentence.endswith("The provider asks for 30 s each time.")


def test_a_hint_that_changes_nothing_leaves_one_line() -> None:
    """Half a second below a backoff of a second is only written."""
    assert "without the hint" not in words(waits_chart({"mine": Backoff()}, hint_s=0.5))


def test_above_the_ceiling_the_picture_says_when_to_come_back() -> None:
    """No wait is drawn, floor and ceiling are, and title and sentence give the reason."""
    chart = waits_chart({"mine": Backoff()}, hint_s=3600)
    assert heights(chart)["mine (does not retry)"] == []
    assert levels(chart) == {300, 3600}
    assert "come back in 1 h" in chart.sentence
    assert "come back in 1 h" in axes_of(chart).get_title("left").replace("\n", " ")


@pytest.mark.parametrize("hint_s", [None, -5.0, float("nan"), float("inf")])
def test_what_is_no_hint_is_drawn_as_none(hint_s: float | None) -> None:
    """A value that the policy does not take has no line and no words either."""
    plain = waits_chart({"mine": Backoff()})
    assert waits_chart({"mine": Backoff()}, hint_s=hint_s).sentence == plain.sentence
    assert levels(waits_chart({"mine": Backoff()}, hint_s=hint_s)) == {300}


def test_jitter_is_drawn_as_the_span_it_draws_from() -> None:
    """A bar from the shortest to the longest of each wait, in the sentence too."""
    chart = waits_chart({"full": Backoff(jitter=Full(random.Random(1)))}, attempts=4)
    (bars,) = axes_of(chart).collections
    spans = [numbers(path.vertices)[1::2] for path in bars.get_paths()]
    assert spans == [[0, 1], [0, 2], [0, 4]]
    assert "(0 s to 1 s, 0 s to 2 s, 0 s to 4 s)" in chart.sentence


def test_many_different_waits_are_shortened_in_words_only() -> None:
    """The sentence stays readable; the picture has them all."""
    slow = Backoff(factor=1.1, max_attempts=20)
    chart = waits_chart({"slow": slow})
    assert "1.95 s, and so on up to 5.56 s)" in chart.sentence
    assert len(next(iter(heights(chart).values()))) == 19


def test_policies_that_wait_alike_share_a_line() -> None:
    """openai and anthropic are one row until the hint tells them apart."""
    both = {name: PRESETS[name] for name in ("openai", "anthropic")}
    assert list(heights(waits_chart(both))) == ["openai, anthropic (1.5 s, then stops)"]
    assert len(axes_of(total_wait_chart(both)).get_yticks()) == 1
    assert len(axes_of(total_wait_chart(both, hint_s=121)).get_yticks()) == 2


def test_the_total_is_drawn_from_the_first_attempt_to_the_worst_case() -> None:
    """Dots where attempts begin at their latest, a mark where it ends, and the same in words."""
    policies: dict[str, Backoff | Preset]
    policies = {"mine": Backoff(), "google": PRESETS["google-api-core"], "mux": PRESETS["mux"]}
    chart = total_wait_chart(policies)
    axes = axes_of(chart)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(policies)
    assert words(chart) == "19 min 3 s, then stops | 2 min, then stops | 20 min 2 s, goes on"
    dots = [numbers(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    for policy, drawn in zip(policies.values(), dots, strict=False):
        waits = policy.schedule().waits
        assert drawn == list(accumulate((span.high_s for span in waits), initial=0.0))
    ends = [(line.get_marker(), *numbers(line.get_xdata())) for line in axes.lines]
    assert {("X", 1143.0), ("X", 120.0), (">", 1202.0)} <= set(ends)
    assert chart.sentence.count("worst case you wait") == 3


def test_the_picture_is_opaque_and_not_empty() -> None:
    """It reads on a dark page as on a white one."""
    for draw in DRAWN:
        picture = imread(io.BytesIO(draw({"mine": Backoff()})._repr_png_()))
        assert picture[0, 0].min() == 1.0
        assert picture.min() < 0.5


@pytest.mark.parametrize("draw", DRAWN)
def test_any_name_can_be_drawn(draw: Draw) -> None:
    """A formula, a hidden label, a control character and a long name are shown as text."""
    names = [r"$\frac{", "_mine", "a\x1bb", "x" * 500]
    policies = {name: Backoff(initial_s=n + 1) for n, name in enumerate(names)}
    assert len(draw(policies).png()) > 1000
    assert len(draw({names[0]: Backoff()}).png()) > 1000


JITTERS: list[Callable[[random.Random], Jitter]] = [Full, Equal, Decorrelated]


@st.composite
def policies(draw: st.DrawFn) -> Backoff:
    """Any policy up to a day, with every jitter."""
    jitters: list[Jitter | None] = [None, *(kind(random.Random(0)) for kind in JITTERS)]
    seconds = st.floats(0, 86_400)
    return Backoff(
        initial_s=draw(seconds),
        factor=draw(st.floats(1, 10)),
        cap_s=draw(seconds),
        max_attempts=draw(st.none() | st.integers(1, 40)),
        hint_ceiling_s=draw(seconds),
        jitter=draw(st.sampled_from(jitters)),
    )


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(policies(), st.none() | st.floats(0, 1e6) | st.floats(), st.sampled_from(sorted(PRESETS)))
def test_every_policy_can_be_drawn(policy: Backoff, hint_s: float | None, other: str) -> None:
    """Whatever the values, both figures come out and their sentence holds the schedule's."""
    both = {"mine": policy, other: PRESETS[other]}
    for draw in DRAWN:
        chart = draw(both, hint_s=hint_s)
        assert len(chart.png()) > 1000
        assert policy.schedule(hint_s).sentence in chart.sentence


@pytest.mark.parametrize("draw", DRAWN)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(draw: Draw) -> None:
    """No policy, something else than a policy, no attempt."""
    with pytest.raises(ValueError, match="chart: no policy; pass at least one, such as"):
        draw({})
    with pytest.raises(TypeError, match=r"the policy of 'o' is 'openai'; pass a Backoff, or"):
        draw({"o": "openai"})
    with pytest.raises(ValueError, match="attempts is 0; pass a whole number from 1 up"):
        draw({"mine": Backoff()}, attempts=0)


def page(explorer: BackoffExplorer) -> str:
    """What the explorer shows below its controls."""
    _, shown = explorer.children
    assert isinstance(shown, widgets.HTML)
    return str(shown.value)


@pytest.mark.slow
def test_the_explorer_shows_its_policy_before_anything_is_touched() -> None:
    """The sentence, both figures with their sentences as alternative text, and the data itself."""
    explorer = BackoffExplorer()
    assert explorer.policy == Backoff()
    assert explorer.schedule == Backoff().schedule()
    assert page(explorer).startswith("<p><strong>Worst case you wait 19 min 3 s, then it stops")
    assert page(explorer).count('<img src="data:image/png;base64,iVBOR') == 2
    for chart in (explorer.waits, explorer.total):
        assert f'alt="{chart.sentence}"' in page(explorer).replace("&#x27;", "'")
    assert repr(explorer) == f"BackoffExplorer: {Backoff().schedule()}"
    assert repr(BackoffExplorer()) == repr(explorer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        ("initial_s", 5, Backoff(initial_s=5)),
        ("factor", 3, Backoff(factor=3)),
        ("cap_s", 8, Backoff(cap_s=8)),
        ("max_attempts", 3, Backoff(max_attempts=3)),
        ("max_attempts", "no limit", Backoff(max_attempts=None)),
        ("hint_ceiling_s", 3600, Backoff(hint_ceiling_s=3600)),
    ],
)
def test_moving_a_control_changes_policy_sentence_and_pictures(
    control: str, value: object, expected: Backoff
) -> None:
    """As a person would: the widget's own value is set."""
    explorer = BackoffExplorer(hint_s=1)
    before = page(explorer)
    explorer.controls[control].value = value
    assert explorer.policy == expected
    assert explorer.schedule == expected.schedule(1)
    assert str(explorer.schedule) in repr(explorer)
    assert page(explorer) != before


def test_the_hint_moves_between_floor_and_giving_up() -> None:
    """Its slider reaches from none over a floor to above the ceiling, and back."""
    explorer = BackoffExplorer()
    hint = explorer.controls["hint_s"]
    hint.value = 120
    assert explorer.schedule.worst_s == 24 * 120
    hint.value = 3600
    assert "come back in 1 h" in page(explorer)
    hint.value = "none"
    assert (explorer.hint_s, explorer.schedule) == (None, Backoff().schedule())


def test_clients_are_laid_beside_the_policy() -> None:
    """Each that is chosen is in the table, with what it does with a hint, and in both figures."""
    explorer = BackoffExplorer(compare=["vercel-ai-sdk"], hint_s=30)
    explorer.controls["compare"].value = ("gemini-cli", "stamina")
    for name in ("yours", "gemini-cli", "stamina"):
        assert f">{name}</td>" in page(explorer)
        assert f"{name}: " in explorer.waits.sentence
        assert f"{name}: " in explorer.total.sentence
    assert "vercel" not in page(explorer)
    assert PRESETS["gemini-cli"].hint in page(explorer)
    assert "stops if it is above 5 min" in page(explorer)
    explorer.choose(compare=[])
    assert ">gemini-cli</td>" not in page(explorer)


def test_jitter_comes_from_the_callers_generator_and_nothing_is_drawn() -> None:
    """The spans are shown; the generator is left as it was for whoever runs the policy."""
    rng = random.Random(7)
    explorer = BackoffExplorer(rng=rng)
    explorer.controls["jitter"].value = "equal"
    jitter = explorer.policy.jitter
    assert isinstance(jitter, Equal)
    assert jitter.rng is rng
    assert rng.getstate() == random.Random(7).getstate()
    assert "0.5 s to 1 s" in explorer.waits.sentence
    own = Full(random.Random(3))
    assert BackoffExplorer(Backoff(jitter=own)).policy.jitter is own


def test_choose_moves_several_controls_at_once() -> None:
    """The same end as one by one, and the schedule comes back; None is the word on the slider."""
    explorer = BackoffExplorer()
    schedule = explorer.choose(hint_s=60, cap_s=30, max_attempts=None, jitter="full", compare=[])
    assert schedule is explorer.schedule
    assert explorer.controls["max_attempts"].value == "no limit"
    assert explorer.policy.cap_s == 30
    assert schedule == explorer.policy.schedule(60)
    assert (
        explorer.choose(hint_s=None, jitter=None) == Backoff(cap_s=30, max_attempts=None).schedule()
    )


@pytest.mark.slow
def test_a_policy_of_ones_own_is_on_the_sliders() -> None:
    """Values that the sliders do not offer by themselves are added to them."""
    policy = Backoff(0.3, 1.7, 45, 77, 299)
    explorer = BackoffExplorer(policy, hint_s=34.4)
    assert (explorer.policy, explorer.hint_s) == (policy, 34.4)
    assert "34.4 s" in [label for label, _ in explorer.controls["hint_s"].options]
    assert explorer.choose(cap_s=60, hint_s=1) == Backoff(0.3, 1.7, 60, 77, 299).schedule(1)
    assert explorer.choose(cap_s=45, hint_s=34.4) == policy.schedule(34.4)


def test_every_control_is_described_and_reachable_by_keyboard() -> None:
    """Sliders, a list and a menu with labels; no `Output`, so nothing is captured."""
    explorer = BackoffExplorer()
    grid, shown = explorer.children
    assert list(grid.children) == list(explorer.controls.values())
    assert all(control.description for control in explorer.controls.values())
    kinds = {type(control) for control in explorer.controls.values()}
    assert kinds == {widgets.SelectionSlider, widgets.Dropdown, widgets.SelectMultiple}
    assert type(shown) is widgets.HTML


def test_what_the_explorer_does_not_offer_is_refused_and_nothing_moves() -> None:
    """Each error names the control, the value and what there is instead."""
    explorer = BackoffExplorer()
    with pytest.raises(ValueError, match=r"no control 'hint'; did you mean 'hint_s'\?"):
        explorer.choose(cap_s=30, hint=30)
    with pytest.raises(ValueError, match=r"jitter does not offer 'ful'; did you mean 'full'\?"):
        explorer.choose(cap_s=30, jitter="ful")
    with pytest.raises(ValueError, match=r"cap_s does not offer 31; there are 0 s, 0.1 s"):
        explorer.choose(hint_s=30, cap_s=31)
    with pytest.raises(ValueError, match=r"cap_s does not offer None; there are 0 s"):
        explorer.choose(cap_s=None)
    with pytest.raises(KeyError, match=r"did you mean 'openai'\?"):
        explorer.choose(cap_s=30, compare=["opnai"])
    assert (explorer.policy, explorer.hint_s) == (Backoff(), None)
    with pytest.raises(KeyError, match=r"did you mean 'mux'\?"):
        BackoffExplorer(compare=["mox"])
    with pytest.raises(ValueError, match="hint_s is nan; pass finite seconds, 0 or more, or None"):
        BackoffExplorer(hint_s=float("nan"))
