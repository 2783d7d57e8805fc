"""What was found inside a network, in sentences: the terminal and the page say the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from gruforecast.evaluation.verdict import in_percent
from gruforecast.explain.records import ChangePoint, ChangeRecord, Explanation, PartImportance
from gruforecast.models.registry import KINDS

HALF_OPEN = (45.0, 55.0)  # percent: what gates give that have hardly learned when to keep
LITTLE = 0.01  # of MASE: smaller effects are called none
MIN_FOR_CALENDAR = 8  # change points; fewer have no pattern
BINS = 6  # of a histogram
ENDLESS = "endless"  # the half-life of units that never let go
TWICE = 2.0  # times its share of the calendar, for a part of it to be named


def all_sentences(explained: Explanation) -> list[str]:
    """Return everything that was found, a sentence or a few for each part."""
    parts = (network_sentence, gates_sentence, memory_sentence, change_points_sentence, gradient_sentence)
    return [*(part(explained) for part in parts), importance_sentence(explained)]


def network_sentence(explained: Explanation) -> str:
    """Return which network it is, and what it was watched on."""
    one, memory = explained.network, explained.memory
    layers = f"{one.layers} layer{'s' if one.layers > 1 else ''} of {one.units} units"
    window = f"a window of {amount(memory.window, memory.unit)}"
    tokens = f" in {one.tokens} tokens of {amount(memory.token, memory.unit)}" if one.segment > 1 else ""
    share = "" if one.share > 0.999 else f", {100 * one.share:.0f} % of the networks' forecast"
    decoder = "" if one.decoder == "direct" else " The gates of its decoder, which reads no rows, are not shown."
    return f"{one.name}{share}: {layers}, {window}{tokens}; watched along {explained.source}.{decoder}"


def gates_sentence(explained: Explanation) -> str:
    """Return how far the gates are open on average."""
    words = []
    for layer in explained.gates.layers:
        update, reset = _mean(layer.mean_update), _mean(layer.mean_reset)
        where = f"layer {layer.layer}: " if explained.network.layers > 1 else ""
        words.append(f"{where}a step keeps {update:.0f} % of the state and uses {reset:.0f} % of it for the new one")
    return f"On average, {'; '.join(words)}."


def memory_sentence(explained: Explanation) -> str:
    """Return how long the units remember."""
    memory, one = explained.memory, explained.network
    unit = memory.unit
    if one.tokens == 1:
        return "The network reads its whole window in one step, so it remembers nothing from one step to the next."
    if memory.median is None:
        return "Most units never let go of what they know."
    text = f"Half of what the median unit knows is gone after {amount(memory.median, unit)}"
    slow = memory.longest
    text += f"; the fastest forgets in {amount(memory.shortest, unit)}" if memory.shortest is not None else ""
    text += ", the slowest never lets go." if slow is None else f", the slowest in {amount(slow, unit)}."
    if memory.within_a_token > 0:
        text += f" {in_percent(memory.within_a_token)} of the units forget half within one step of the network"
        text += f" ({amount(memory.token, unit)})."
    if memory.beyond_the_window > 0:
        text += f" {in_percent(memory.beyond_the_window)} still know half after the length of the window."
    means = [_mean(layer.mean_update) for layer in explained.gates.layers]
    if means and all(HALF_OPEN[0] <= mean <= HALF_OPEN[1] for mean in means):
        text += " Update gates that stand half open, as those of a network that has hardly learned when to keep, give a"
        text += " half-life of about one step whatever the data."
    return text


def change_points_sentence(explained: Explanation) -> str:
    """Return how many state change points there are, and when."""
    changes = explained.resets
    if not changes.n_tokens:
        return "There are too few steps to say where the network writes its memory over."
    steps = f"{changes.n_tokens:,} steps of {changes.n_series:,} series"
    if not changes.n_moments:
        return f"In {steps}, the memory was nowhere written over for good far more than usual: no state change point."
    first = changes.moments[0]
    text = f"At {changes.n_moments} of {steps} the memory was written over for good far more than usual"
    text += f" (above {changes.threshold:g} robust standard deviations), most of all {period(first)}"
    text += f" of {first.series}." if changes.n_series > 1 else "."
    return text + calendar_sentence(changes)


def calendar_sentence(changes: ChangeRecord) -> str:
    """Return which part of the calendar has far more change points than its share, if there are enough to tell."""
    if changes.n_moments < MIN_FOR_CALENDAR:
        return ""
    for part in changes.profile:
        best = part.moments.index(max(part.moments))
        expected = sum(part.moments) * part.tokens[best] / sum(part.tokens)
        if part.moments[best] >= max(TWICE * expected, 3):
            name = f"{part.names[best]} h" if part.by == "hour" else part.names[best]
            return f" By {part.by}, {name} stands out: {part.moments[best]} of them, {expected:.1f} by its share."
    parts: list[str] = [part.by for part in changes.profile]
    *others, last = parts or [""]
    return f" No {', '.join(others)}{' or ' * bool(others)}{last} stands out." if parts else ""


def gradient_sentence(explained: Explanation) -> str:
    """Return how much the oldest rows of the window still move the forecast, by cell."""
    curves = [one for one in explained.reach if one.oldest_to_newest is not None]
    own, others = next((one for one in curves if one.saved), None), [one for one in curves if not one.saved]
    if own is None:
        return "The forecast does not move with anything that the recurrent layers see."
    text = f"90 % of the squared gradient of the forecast of {own.name} through its state lies in the last "
    text += f"{amount(own.within, explained.unit)} of {amount(own.window, explained.unit)}."
    if any(one.cell != "gru" for one in others):
        parts = ", ".join(f"{KINDS[one.cell].title} {percent(one.oldest_to_newest)}" for one in others)
        ends = {one.end for one in others}
        end = amount(min(ends), explained.unit) if len(ends) == 1 else "steps"
        text += f" Trained alike, a row in the oldest {end} of the window moves the forecast by so much of "
        text += f"what one in the newest {end} does: {parts}."
    return text


def importance_sentence(explained: Explanation) -> str:
    """Return what the network needs most."""
    needs = explained.importance
    if needs is None:
        return "Which inputs matter can be measured on rows with values after them only: give DATA."
    gain = needs.without - needs.mase
    text = f"On {needs.windows} windows of {needs.seen}, the network has a MASE of {needs.mase:.3f}; the "
    text += f"simple forecast that it adds to has {needs.without:.3f} alone."
    if needs.parts[0].mean < LITTLE:
        text += f" No part of its input matters by more than {LITTLE:g}"
        return text + (": what it adds is nearly the same for all windows." if gain > LITTLE else ".")
    whole = next((part for part in needs.parts if part.kind == "all"), None)
    if whole is not None and whole.mean >= LITTLE:
        text += f" With all rows of another window the MASE grows by {whole.mean:.3f}."
    single = strongest(needs.parts)
    if single is None:
        return f"{text} No single part is needed beyond what exchanges differ."
    return f"{text} Of the single parts it needs most: {single.name}, with a growth of {single.mean:.3f}."


def strongest(parts: Sequence[PartImportance]) -> PartImportance | None:
    """Return the single part that matters most, if it does in every exchange."""
    singles = [part for part in parts if part.kind != "all" and part.low > 0 and part.mean >= LITTLE]
    return max(singles, key=lambda part: part.mean, default=None)


def period(change: ChangePoint) -> str:
    """Return the rows of a state change point in words."""
    return change.begin if change.begin == change.end else f"{change.begin} to {change.end}"


def amount(value: float | None, unit: str) -> str:
    """Return a number with its unit of time."""
    if value is None:
        return "for ever"
    text = f"{value:.2g}" if value < 99.5 else f"{value:,.0f}"
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"


def between(shares: list[float]) -> str:
    """Return the smallest and the largest of shares in percent, once where they are written alike."""
    ends = dict.fromkeys(f"{end:.0f}" for end in (min(shares), max(shares)))
    return f"{' to '.join(ends)} %"


def half_lives(explained: Explanation) -> list[tuple[str, int]]:
    """Return how many units have a half-life in each bin; nothing where the network has no steps to remember over."""
    lives = [one for layer in explained.memory.layers for one in layer]
    finite = sorted(one for one in lives if one)
    if not finite or explained.network.tokens == 1:
        return []
    bounds = edges(finite[0], finite[-1])
    counts = [
        (bin_label(low, high), sum(low <= one < high or one == high == bounds[-1] for one in finite))
        for low, high in itertools.pairwise(bounds)
    ]
    return [*counts, (ENDLESS, len(lives) - len(finite))] if len(finite) < len(lives) else counts


def bin_label(low: float, high: float) -> str:
    """Return both bounds of a bin of a histogram."""
    return " to ".join(amount(end, "").strip() for end in (low, high))


def edges(low: float, high: float) -> list[float]:
    """Return the bounds of bins that grow alike, from at most `low` to at least `high`."""
    first, last = math.floor(2 * math.log2(low)) / 2, math.ceil(2 * math.log2(high)) / 2
    step = max(0.5, math.ceil(2 * (last - first) / BINS) / 2)
    return [2 ** (first + step * k) for k in range(max(1, math.ceil((last - first) / step)) + 1)]


def percent(share: float | None) -> str:
    """Return a share in percent with two significant digits; a dash where there is none."""
    if share is None:
        return "-"
    if share >= 0.995 or share == 0:
        return f"{100 * share:.0f} %"
    return f"{100 * share:.2g} %" if share >= 1e-4 else f"{100 * share:.0e} %"


def _mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)
