"""A report, a backtest and a look inside for notebooks: data frames, and text that shows itself."""

from __future__ import annotations

import html
import tempfile
import webbrowser
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from gruforecast.data.to_frame import datetimes, frame_of
from gruforecast.errors import ResourceError
from gruforecast.evaluation.aggregate import IntervalMeans, MemberScores
from gruforecast.evaluation.backtest import Block, Rolling
from gruforecast.evaluation.scores import IntervalScores
from gruforecast.evaluation.verdict import check_baseline, shortfall
from gruforecast.explain.records import Explanation
from gruforecast.report.files.backtest import check_names, forecast_columns, score_columns
from gruforecast.report.render import rendered
from gruforecast.report.report import Report
from gruforecast.report.sentences import all_sentences
from gruforecast.serialization import JsonValue, Record
from gruforecast.text import harmless

if TYPE_CHECKING:
    import pandas as pd

NESTED = ("coverage", "intervals", "against", "seeds", "config", "shares", "fold_mase", "undefined")  # in a row
FIRST = ("model", "kind", "competes", "val_mase", "mase")  # columns of the leaderboard
BOOKED = ("coverage", "width", "score")  # of each interval, in a table


@dataclass(frozen=True, repr=False)
class FitReport:
    """What a fit has found.

    Attributes:
        record: all of it, as `report.json` holds it.
    """

    record: Report

    @property
    def verdict(self) -> str:
        """Who won, by how much, and whether that may be luck."""
        return self.record.verdict

    @property
    def winner(self) -> str:
        """Name of the model that won."""
        return self.record.winner

    @property
    def warnings(self) -> list[str]:
        """What may mislead."""
        return self.record.warnings

    @property
    def notes(self) -> list[str]:
        """What was found out about the data and not given."""
        return self.record.found

    @property
    def leaderboard(self) -> pd.DataFrame:
        """A row for each model: the winner first, then by `val_mase`, the error on the validation folds.

        Other scores are of the test set, `coverage-80` in percent of its values, `width-80` and `score-80` of the
        intervals in units of MASE; `competes` is False for models that are shown beside the others and cannot win, such
        as the single networks (`gru`, `gru-2`) of the ensemble (`networks`).
        """
        import pandas as pd

        rows = sorted(self.record.leaderboard, key=lambda row: row.model != self.record.winner)
        frame = pd.DataFrame([_flat(row, NESTED) | _levels(row.intervals) for row in rows])
        order = [*FIRST, *(name for name in frame.columns if name not in FIRST)]
        return frame[order].dropna(axis="columns", how="all")

    @property
    def trials(self) -> pd.DataFrame:
        """A row for each trial of the search, with what was tried."""
        import pandas as pd

        rows = [
            _flat(one, ("values", "fold_scores", "seconds", "error"))
            | {"seconds": one.seconds.total if one.seconds else None}
            | msgspec.structs.asdict(one.values)
            for one in self.record.search
        ]
        return pd.DataFrame(rows)

    def better_than(self, baseline: str) -> bool:
        """Return whether the test set shows that the GRU is better than a baseline, by more than luck.

        Raises:
            UsageError: there is no such baseline.
        """
        check_baseline(baseline)
        return shortfall(self.record.leaderboard, self.record.season_length, baseline) is None

    def to_html(self) -> str:
        """Return the report as a page that needs nothing else."""
        return rendered(self.record, "html")

    def to_markdown(self) -> str:
        """Return the report as Markdown."""
        return rendered(self.record, "md")

    def show(self, path: str | Path | None = None) -> Path:
        """Write the page, open it in the browser if there is one, and return where it is.

        Args:
            path: file to write; a temporary one if not given.
        """
        if path is None:
            path = Path(tempfile.mkdtemp(prefix="gruforecast-report-")) / "report.html"
        target = Path(path)
        try:
            target.write_text(self.to_html(), encoding="utf-8")
        except OSError as error:
            text, remedy = f"cannot be written: {error.strerror}.", "Choose another place."
            raise ResourceError(text, remedy=remedy, code="GF-E07", file=str(target)) from error
        webbrowser.open(target.absolute().as_uri())
        return target

    def __repr__(self) -> str:
        return harmless(f"FitReport: {self.verdict}")

    def _repr_html_(self) -> str:
        columns = ["model", "val_mase", "mase", "rmsse", "mae", "smape", "competes"]
        table = self.leaderboard[columns].head().to_html(index=False, float_format="{:.3f}".format)
        return f"<p>{html.escape(harmless(self.verdict))}</p>{table}"


@dataclass(frozen=True, repr=False)
class Insight:
    """What a network does with its input.

    Attributes:
        record: all of it, as `gruforecast explain --json` prints it.
    """

    record: Explanation

    @property
    def importance(self) -> pd.DataFrame:
        """How much MASE grows where a part of the input comes from other windows, most important part first."""
        import pandas as pd

        parts = self.record.importance.parts if self.record.importance else []
        return pd.DataFrame([_flat(one) for one in parts], columns=["name", "kind", "mean", "low", "high", "spread"])

    def __str__(self) -> str:
        return "\n".join(map(harmless, all_sentences(self.record)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(f"<p>{html.escape(harmless(text))}</p>" for text in all_sentences(self.record))


def scores_frame(scores: Sequence[MemberScores]) -> pd.DataFrame:
    """Return the scores of each member of a backtest, in their order."""
    import pandas as pd

    return pd.DataFrame([_flat(one, ("intervals", "against")) | _levels(one.intervals) for one in scores])


def backtest_frame(
    rolling: Rolling,
    blocks: Iterable[tuple[Rolling, Block]],
    detail: Literal["windows", "forecasts"],
    numbered: Collection[str],
) -> pd.DataFrame:
    """Return the scores of each window and member, or all forecasts, with datetimes where the files have text.

    Raises:
        UsageError: a column of the user has the name of one of these.
    """
    import pandas as pd

    check_names(rolling.panel.plan)
    panel, make = rolling.panel, score_columns if detail == "windows" else forecast_columns
    parts = []
    for part, block in blocks:
        end, models = block.cutoffs.windows.end, len(block.evaluated)
        steps = np.arange(block.cutoffs.horizon) if detail == "forecasts" else np.arange(1)
        ds = np.repeat(panel.ds[end[:, None] + steps], models, axis=0)  # (n * models, steps)
        frame = frame_of(make(part, block), panel.plan, ds, numbered)
        frame["cutoff"] = datetimes(panel.plan, np.repeat(panel.ds[end - 1], models * len(steps)))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def _flat(record: Record, without: Sequence[str] = ()) -> dict[str, JsonValue]:
    """Return the fields of a record that are single values."""
    return {name: value for name, value in msgspec.structs.asdict(record).items() if name not in without}


def _levels(intervals: Mapping[str, IntervalScores | IntervalMeans]) -> dict[str, float | None]:
    """Return what the intervals of each level are worth, by columns such as `coverage-80`."""
    return {f"{part}-{level}": getattr(one, part) for level, one in intervals.items() for part in BOOKED}
