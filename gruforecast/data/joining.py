"""New rows of series and the rows that a model keeps of them, joined by id and stamp.

    kept      |----------------------|          kept      |-------------|
    new                     |------------|      new                         |------|
    joined    |-- of kept --|----new-----|      joined    |-- of kept --|gap|-new--|

The new rows win where both have some, the gap is masked, and kept rows later than the new ones are never used. Nothing
is joined to a series whose values differ where both have some, to one whose stamps lie elsewhere, or so far ahead that
a file of both would be refused. Rows without an id may be of another series: they have to overlap, or follow at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from msgspec import structs

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data.align.grid import MAX_FILL, counted
from gruforecast.data.finding import Finding, Findings, shown
from gruforecast.data.panel import Panel
from gruforecast.errors import shorten

SAME = 1e-6  # of their size: by how much two values may differ and be the same, written with fewer digits
OTHERS = 0.1  # share of differing values from which on a series is another one
ROWS = 500  # that are kept of each series at least where not all are, or twenty seasons if that is more
NUMBERS = 2_000_000  # that are kept without leaving any out
SHOWN = 3
NOT_JOINED = "nothing is joined, and they are taken as they are"


@dataclass(frozen=True)
class Joined:
    """New rows with kept rows before them.

    Attributes:
        before: (n_series,) kept rows that were put before the new ones of each series; rows: (n_series,) new ones.
        same: (n_series,) whether rows are kept of the series; of others the new rows are all that is known.
        findings: what is odd, and what is new, about the rows.
    """

    panel: Panel
    before: Ints
    rows: Ints
    same: Bools
    findings: Findings = field(default=())

    @classmethod
    def unchanged(cls, panel: Panel) -> Joined:
        """Return new rows as they are."""
        return cls(panel, np.zeros(len(panel), np.int64), panel.lengths, np.zeros(len(panel), bool))

    @property
    def warnings(self) -> list[str]:
        """What is odd, as it is shown to the user."""
        return shown(self.findings, "warning")

    def in_words(self) -> str:
        """Return how many rows were joined, empty where none were."""
        some = int((self.before > 0).sum())
        rows = f"{self.before.sum():,} rows that the model keeps come before those of the data"
        return (rows if len(self.panel) == 1 else f"{rows}, in {some:,} of {len(self.panel):,} series") if some else ""


def newer_rows(known: Panel, panel: Panel) -> Ints:
    """Return the first row of each series of `panel` that is newer than the last of the same series in `known`.

    It is the first of all for a series that is not known, and the end of one that has no newer row; (n_series,).
    """
    last = dict(zip(known.ids, known.last, strict=True)) if len(known) else {}
    until = np.array([last.get(key, np.datetime64("NaT")) for key in panel.ids], "datetime64[s]")
    old = np.append(0, np.cumsum(panel.ds <= np.repeat(until, panel.lengths)))  # of rows so far, (n_rows + 1,)
    return panel.indptr[:-1] + np.diff(old[panel.indptr])


def kept_rows(panel: Panel, season_length: int, lookback: int) -> Panel:
    """Return the rows that a model keeps: all of them, or the newest of each series where there are too many.

    Those start with a value, and go back to the newest one below zero in a series that ever had one, because a series
    that never had one is forecast in another way.
    """
    if len(panel.y) * (1 + panel.x.shape[1]) <= NUMBERS:
        return panel
    begin, end = panel.indptr[:-1], panel.indptr[1:]
    row = np.arange(len(panel.y))
    negative = np.maximum.reduceat(np.where(panel.y < 0, row, -1), begin)
    first = np.maximum(begin, end - max(ROWS, 20 * season_length, lookback))
    first = np.where(negative >= 0, np.minimum(first, negative), first)
    seen = np.flatnonzero(~np.isnan(panel.y))
    return panel.rows(seen[np.searchsorted(seen, first)], end)


def without_values(panel: Panel) -> Panel:
    """Return when each series ended: its last row, without values."""
    end = panel.rows(panel.indptr[1:] - 1, panel.indptr[1:])
    return replace(end, y=np.full_like(end.y, np.nan), x=np.full_like(end.x, np.nan))


def joined(known: Panel, new: Panel) -> Joined:
    """Return the series of `new`, each after the rows of it that are known.

    Rows without an id may be those of the only series that is known; then they get its id.

    Args:
        known: with the step and the covariates of `new`.
    """
    named = bool(new.names.ids) or new.plan.wide
    given = new
    if not named and len(known) == len(new) == 1:
        plan = structs.replace(new.plan, names=structs.replace(new.names, ids=known.names.ids))
        new = replace(new, ids=known.ids, plan=plan)
    number = {key: k for k, key in enumerate(known.ids)}
    pairs = np.array([(number[key], j) for j, key in enumerate(new.ids) if key in number], np.int64).reshape(-1, 2)
    place = _Places.of(known, new, pairs)
    there, same, texts = place.rows_before(named=named)
    before, gap = np.zeros((2, len(new)), np.int64)
    known_too = np.zeros(len(new), bool)
    known_too[place.new] = same
    before[place.new], gap[place.new] = there, np.where(there > 0, np.maximum(place.gap, 0), 0)
    panel = _together(known, new, place, before, gap) if same.any() else given
    return Joined(panel, before, new.lengths, known_too, tuple(Finding(text) for text in texts))


def ended_early(panel: Panel, horizon: int) -> Findings:
    """Return a finding on series that ended so long before others that their forecast ends before those begin."""
    number = panel.freq.position(panel.last)[0]
    if not len(number) or not (early := number.max() - number > horizon).any():
        return ()
    names = shorten(["/".join(panel.ids[k]) for k in np.flatnonzero(early)], SHOWN)
    ends = [panel.plan.form.joined(panel.last[number == one][:1])[0] for one in (number[early][0], number.max())]
    text = f"{early.sum():,} of {len(panel):,} series ({names}) ended more than {horizon} steps before the newest one"
    return (Finding(f"{text} (at {ends[0]}, not {ends[1]}): their forecasts lie in the past"),)


@dataclass(frozen=True)
class _Places:
    """Where the rows of the same series lie to each other, in both panels; arrays are (n,).

    Attributes:
        known, new: number of the series in its panel.
        offset: steps from its first known row to its first new one; aligned: whether these are whole steps.
        compared: values that are in both; differ: of them, how many are not the same.
    """

    panels: tuple[Panel, Panel]
    known: Ints
    new: Ints
    offset: Ints
    aligned: Bools
    compared: Ints
    differ: Ints

    @classmethod
    def of(cls, known: Panel, new: Panel, pairs: Ints) -> _Places:
        """Return the places of pairs (n, 2) of series."""
        k, j = pairs.T
        first = [panel.freq.position(panel.ds[panel.indptr[at]]) for panel, at in ((known, k), (new, j))]
        offset = first[1][0] - first[0][0]
        begin = np.maximum(offset, 0)
        overlap = np.clip(np.minimum(known.lengths[k], offset + new.lengths[j]) - begin, 0, None)
        step = counted(overlap)
        old = known.y[np.repeat(known.indptr[k] + begin, overlap) + step]
        own = new.y[np.repeat(new.indptr[j] + begin - offset, overlap) + step]
        apart = np.abs(old - own) > SAME * np.maximum(np.abs(old), np.abs(own))
        pair = np.repeat(np.arange(len(k)), overlap)
        compared, differ = (np.bincount(pair[which], minlength=len(k)) for which in (~np.isnan(old - own), apart))
        return cls((known, new), k, j, offset, first[0][1] == first[1][1], compared, differ)

    @property
    def gap(self) -> Ints:
        """Steps between the last known row and the first new one; below zero where they overlap."""
        return self.offset - self.panels[0].lengths[self.known]

    def rows_before(self, *, named: bool) -> tuple[Ints, Bools, list[str]]:
        """Return how many known rows belong before the new ones, whether it is the same series, and what is odd."""
        known, new = self.panels
        kept = not np.isnan(known.y).all()
        there = np.clip(self.offset, 0, known.lengths[self.known]) * kept
        rows = self.offset + new.lengths[self.new]
        far = rows > MAX_FILL * (there + new.lengths[self.new]) + 12  # as a file of both would be refused
        astray = ~self.aligned
        other = self.differ > OTHERS * self.compared
        unknown = np.full(len(there), not named) & (self.compared == 0) & (self.gap != 0)
        texts, same = [], np.full(len(there), kept)
        for bad, text in ((astray, self._astray), (other, self._other), (unknown, self._unknown), (far, self._far)):
            hit = bad & (there > 0)
            texts += [text(hit)] if hit.any() else []
            there, same = np.where(bad, 0, there), same & ~bad
        texts += self._gaps((there > 0) & (self.gap > 0))
        return there, same, texts

    def _named(self, which: Bools) -> str:
        """Return the names of some series, and where one of them is none, what the data are called."""
        new = self.panels[1]
        names = ["/".join(new.ids[j]) for j in self.new[which]]
        return f"{len(names):,} series ({shorten(names, SHOWN)})" if len(new) > 1 else "the series"

    def _ends(self, panel: Panel, series: Ints) -> str:
        """Return the last stamp of the first of some series of a panel, in words."""
        return panel.plan.form.joined(panel.last[series[:1]])[0]

    def _astray(self, which: Bools) -> str:
        return f"the stamps of {self._named(which)} lie between those of the rows that the model keeps: {NOT_JOINED}"

    def _other(self, which: Bools) -> str:
        differ, compared = self.differ[which].sum(), self.compared[which].sum()
        where = f"{differ:,} of {compared:,} values differ from those that the model keeps of {self._named(which)}"
        return f"{where} for the same times, so the data are of another one: {NOT_JOINED}"

    def _unknown(self, which: Bools) -> str:
        until = self._ends(self.panels[0], self.known[which])
        text = f"the data have no id, and neither overlap with the rows that the model keeps, to {until}, nor follow"
        return f"{text} them at once: they may be of another series, so {NOT_JOINED}. Begin at {until} to join them"

    def _far(self, which: Bools) -> str:
        until = self._ends(self.panels[0], self.known[which])
        return f"{self._named(which)} begin too long after the rows that the model keeps (to {until}): {NOT_JOINED}"

    def _gaps(self, which: Bools) -> list[str]:
        steps = int(self.gap[which].sum())
        text = f"{steps:,} steps between the rows that the model keeps and those of the data are missing"
        return [f"{text} in {self._named(which)}: masked, never filled in"] if steps else []


def _together(known: Panel, new: Panel, place: _Places, before: Ints, gap: Ints) -> Panel:
    """Return the rows of both.

    Args:
        before: (n_series,) known rows before the new ones; gap: (n_series,) steps between them.
    """
    if not before.any():
        return new
    source = np.zeros(len(new), np.int64)
    source[place.new] = known.indptr[place.known]
    lengths = before + gap + new.lengths
    indptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
    old = np.repeat(indptr[:-1], before) + counted(before)
    own = np.repeat(indptr[1:] - new.lengths, new.lengths) + counted(new.lengths)
    taken = np.repeat(source, before) + counted(before)

    def rows(get: Callable[[Panel], Floats]) -> Floats:
        whole = np.full((int(indptr[-1]), *get(new).shape[1:]), np.nan)
        whole[old], whole[own] = get(known)[taken], get(new)
        return whole

    back = counted(lengths) - np.repeat(before + gap, lengths)
    ds = new.freq.moved(np.repeat(new.ds[new.indptr[:-1]], lengths), back).astype("datetime64[s]")
    whole = replace(new, indptr=indptr, ds=ds, y=rows(lambda panel: panel.y), x=rows(lambda panel: panel.x))
    return _with_columns(whole, new)


def _with_columns(whole: Panel, new: Panel) -> Panel:
    """Return the panel with covariates that are known without a row: constants of a series, and holidays."""
    static = [k for k, role in enumerate(new.plan.roles) if role == "static"]
    whole.x[:, static] = np.repeat(new.x[new.indptr[:-1]][:, static], whole.lengths, axis=0)
    if new.plan.holidays:
        whole.x[:, -1:] = new.plan.holiday_column(whole.ds)
    return whole
