"""What the numbers say in one sentence, also when a baseline wins."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np
from msgspec import structs

from gruforecast.errors import UsageError, did_you_mean
from gruforecast.evaluation.leaderboard import Reference, Row, StoredRow, is_clear, winner
from gruforecast.models.registry import CHOSEN_GRU, NAIVE, NETWORKS, SIMPLE, title_of

STUDENT = {2: 4.30, 3: 3.18, 4: 2.78}  # 97.5 % quantiles of the t distribution, by degrees of freedom


def verdict(rows: list[Row]) -> str:
    """Return who won on the folds, and what the test set says about that.

    The winner is chosen on validation; a win over the naive forecast is only claimed when the test set shows it too.
    """
    best = winner(rows)
    reference = _reference(rows)
    title = _title(best)
    folds = "validation fold" if len(best.fold_mase) == 1 else "validation folds"
    chosen = f"{title[0].upper()}{title[1:]}{_parts(best)} was chosen on the {folds}"
    if not np.isfinite(best.mase):
        return f"{chosen}. {_without_mase(rows, best)}"
    if best.model == reference.model:
        gru = _gru(rows)
        against = f"; the best GRU scored {gru.val_mase:.3f} there and {gru.mase:.3f} on the test set" if gru else ""
        remarks = f"{_picked_remark(rows, best)}{_fold_remark(rows, best)}{_lower_remark(rows, best)}"
        return f"{chosen} (MASE {best.val_mase:.3f}{against}): {_none_better(rows, best)}.{remarks}"
    first = (
        f"{chosen} (MASE {best.val_mase:.3f}, {_title(reference)} {reference.val_mase:.3f}{_passed_over(rows, best)})"
    )
    paired = reference.against.get("winner")
    if not best.mase < reference.mase or (paired and paired.verdict == "not better"):
        return (
            f"{first}, but the test set does not show a win: MASE {best.mase:.3f} against {reference.mase:.3f} of "
            f"{_title(reference)}. Treat it as no better than {_title(reference)}."
        )
    gain = in_percent(1 - best.mase / reference.mase)
    second = f"on the test set it scores {best.mase:.3f}, {gain} below {_title(reference)} ({reference.mase:.3f})"
    remarks = f"{_gru_remark(rows, best)}{_lstm_remark(rows)}{_baseline_remark(rows, best)}"
    return f"{first}; {second}{_surely(reference)}.{remarks}"


def _without_mase(rows: list[Row], best: Row) -> str:
    """Return the winner's error in the user's unit, beside those of the naive forecast and of the best GRU."""
    beside = [row for row in (_reference(rows), _gru(rows)) if row and row.model != best.model]
    others = "".join(f", of {_title(row)} {row.mae:.4g}" for row in beside)
    return f"MASE is not defined here. MAE on the test set: of {_title(best)} {best.mae:.4g}{others}."


def evidence(rows: list[Row]) -> Reference | None:
    """Return what the test set says of the winner against the naive forecast to beat; None where that is the winner."""
    reference = _reference(rows)
    paired = reference.against.get("winner")
    return Reference(**structs.asdict(paired), against=reference.model) if paired else None


def _surely(reference: Row) -> str:
    """Return whether the win on the test set is more than luck, and how that was tested."""
    paired = reference.against.get("winner")
    if not paired:
        return ""
    if paired.p is None or paired.low is None or paired.high is None:
        return ", but that may be luck: the test set has too few steps to tell"
    between = interval_in_percent(paired.low / reference.mase, paired.high / reference.mase)
    tested = f"95 % interval {between}, {paired.method}, p {_p(paired.p)}"
    if paired.verdict == "better":
        return f", which is more than luck ({tested})"
    return f", but that may be luck ({tested}): the test set cannot tell which is better"


def in_percent(share: float) -> str:
    """Return the size of a share in whole percent; what is not nothing, and not all, is never written as if it were."""
    size = abs(100 * share)
    if 0 < size <= 0.5:  # a half would be rounded to the even 0
        return "under 1 %"
    return "over 99 %" if 99.5 <= size < 100 else f"{size:.0f} %"


def interval_in_percent(low: float, high: float) -> str:
    """Return two ends in percent, one next to zero with its sign; an error cannot be lower by more than all of it."""
    ends = [100 * low, min(100 * high, 100.0)]
    return " to ".join(f"{end:.0f}" if abs(end) >= 1 or end == 0 else f"{end:.1g}" for end in ends) + " %"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def check_baseline(name: str) -> None:
    """Check that there is a baseline of this name.

    Raises:
        UsageError: there is none.
    """
    known = list(SIMPLE)
    if name not in known:
        raise UsageError(
            f"{name!r} is no baseline.{did_you_mean(name, known)}",
            remedy=f"Use {', '.join(known)}.",
            code="GF-U42",
        )


def shortfall(rows: Sequence[StoredRow], season_length: int, name: str) -> str | None:
    """Return why the test set does not show that the GRU is better than the baseline `name`; None if it does."""
    name = "naive" if name == "seasonal-naive" and season_length == 1 else name
    row = next((row for row in rows if row.model == name), None)
    if row is None:
        return f"{name} did not take part, so nothing is shown against it"
    paired = row.against["gru"]
    if paired.verdict == "better":
        return None
    luck = "may be luck" if paired.verdict == "cannot tell" else "is no win"
    p = "" if paired.p is None else f", p {_p(paired.p)}"
    return f"the test set does not show that the GRU is better than {name}: {paired.difference:+.3f} MASE {luck}{p}"


def _reference(rows: list[Row]) -> Row:
    """Return the naive forecast to beat: the better of naive and seasonal naive on the folds."""
    return min((row for row in rows if row.model in NAIVE), key=lambda row: row.val_mase)


def _none_better(rows: list[Row], naive: Row) -> str:
    """Return that nothing was better than the naive forecast, or not by more than luck."""
    unclear = [row for row in rows if row.competes and row.val_mase < naive.val_mase and not is_clear(row)]
    if not unclear:
        return f"no model was better than {_title(naive)}"
    first = min(unclear, key=lambda row: row.val_mase)
    return (
        f"{_title(first)} scored {first.val_mase:.3f} there, but the folds differ so much among themselves that this "
        f"may be luck ({first.lead:.1f} standard errors); no model was clearly better than {_title(naive)}"
    )


def _picked_remark(rows: list[Row], naive: Row) -> str:
    """Return why the best single GRU was not chosen, though it scored lower on the folds."""
    gru, networks = _gru(rows), next((row for row in rows if row.model == NETWORKS), None)
    if gru is None or gru.competes or networks is None or not gru.val_mase < naive.val_mase:
        return ""
    return (
        f" The single GRU's {gru.val_mase:.3f} does not count: it is the best of all that were tried on these very "
        f"folds. The GRU ensemble is scored on folds that did not choose its parts: {networks.val_mase:.3f}."
    )


def _fold_remark(rows: list[Row], naive: Row) -> str:
    """Return what the naive forecast and the network scored on each fold."""
    network = next((row for row in rows if row.model in CHOSEN_GRU and row.competes), None)
    if network is None or len(naive.fold_mase) < 2:
        return ""
    parts = [f"{_title(row)} {', '.join(f'{one:.3f}' for one in row.fold_mase)}" for row in (naive, network)]
    return f" MASE by fold: {'; '.join(parts)}."


def _lower_remark(rows: list[Row], best: Row) -> str:
    """Return which models the test set alone would have preferred to the naive forecast, without comparisons."""
    lower = sorted((row for row in rows if row.competes and row.mase < best.mase), key=lambda row: row.mase)
    if not lower:
        return ""
    first = ", ".join(f"{_title(row)} ({row.mase:.3f})" for row in lower[:3])
    rest = f" and {len(lower) - 3} more" if len(lower) > 3 else ""
    return f" On the test set, which chooses nothing, lower than its {best.mase:.3f}: {first}{rest}."


def _lstm_remark(rows: list[Row]) -> str:
    budget = "short" if any(row.budget == "short" for row in rows) else "full"
    at_budget = {row.kind: row for row in rows if row.budget == budget}
    if "gru" not in at_budget or "lstm" not in at_budget:
        return ""
    first, second = sorted((at_budget["gru"], at_budget["lstm"]), key=lambda row: row.mase)
    return (
        f" At one equal budget the {first.kind.upper()} scored {first.mase:.3f} on the test set,"
        f" the {second.kind.upper()} {second.mase:.3f}{_between_seeds(first, second)}."
    )


def _between_seeds(first: Row, second: Row) -> str:
    """Return whether two models differ by more than seeds of one do, by the t test of their means."""
    seeds = [row.seeds.mase if row.seeds else [] for row in (first, second)]
    if min(map(len, seeds)) < 2:
        return " (one seed each)"
    error = sum(statistics.variance(one) / len(one) for one in seeds) ** 0.5
    spread = f"standard deviations {statistics.stdev(seeds[0]):.3f} and {statistics.stdev(seeds[1]):.3f}"
    numbers = [len(one) for one in seeds]
    count = f"{numbers[0]} seeds each" if numbers[0] == numbers[1] else f"{numbers[0]} and {numbers[1]} seeds"
    if second.mase - first.mase <= STUDENT[sum(numbers) - 2] * error:
        return f": no clear winner, seeds alone may give as much ({count}, {spread})"
    return f" ({count}, {spread})"


def _gru_remark(rows: list[Row], best: Row) -> str:
    """Return what the best single GRU scored, where something else was chosen."""
    gru = _gru(rows)
    if gru is None or best.model == gru.model:
        return ""
    return f" The best single GRU: {gru.val_mase:.3f} on the folds, {gru.mase:.3f} on the test set."


def _baseline_remark(rows: list[Row], best: Row) -> str:
    simple = ("baseline", "pretrained")  # that no search has trained
    better = [row for row in rows if row.kind in simple and row.mase < best.mase and best.kind != "baseline"]
    names = ", ".join(f"{_title(row)} ({row.mase:.3f})" for row in better)
    return f" On the test set alone better: {names}." if better else ""


def _passed_over(rows: list[Row], best: Row) -> str:
    """Return the model that scored lower on the folds than the blend, if one did."""
    if best.kind != "blend":
        return ""
    lower = [row for row in rows if row.competes and row.val_mase < best.val_mase]
    if not lower:
        return ""
    first = min(lower, key=lambda row: row.val_mase)
    return f"; {_title(first)} alone {first.val_mase:.3f}, but a blend is less a matter of luck"


def _gru(rows: list[Row]) -> Row | None:
    """Return the best single GRU."""
    return next((row for row in rows if row.model == "gru"), None)


def _parts(row: Row) -> str:
    """Return what a blend consists of, largest weight first."""
    if row.kind != "blend" or not row.shares:
        return ""
    parts = sorted(row.shares.items(), key=lambda part: -part[1])
    texts = (
        f"{100 * weight:.0f} % {'GRU' if name == NETWORKS else title_of(name).removeprefix('the ')}"
        for name, weight in parts
    )
    return f" ({', '.join(texts)})"


def _title(row: Row) -> str:
    return title_of(row.model)
