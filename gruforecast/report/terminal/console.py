"""What all text has in common: a console for a stream; texts, numbers and dates as they may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gruforecast.arrays import Stamps
from gruforecast.text import harmless

WIDTH = 80
BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-:=+*#"  # where there are no others


def safe(text: str) -> Text:
    """Text from a file, shown as it is: no markup, no emoji for their names, and control characters as escapes."""
    return Text(harmless(text))


def console_on(stream: IO[str], *, wrap: bool = False) -> Console:
    """Return a console for a stream: 80 columns where that is no terminal, and no line broken there unless asked."""
    live = stream.isatty()
    width, soft = None if live else WIDTH, not (live or wrap)
    return Console(file=stream, highlight=False, soft_wrap=soft, width=width, markup=False, emoji=False)


def table(*columns: Column | str, title: str = "", caption: str | None = None, show_header: bool = True) -> Table:
    """Return a table without lines; columns given by their names alone hold numbers."""
    return Table(
        *[one if isinstance(one, Column) else Column(one, justify="right") for one in columns],
        title=title,
        caption=caption,
        box=None,
        pad_edge=False,
        show_header=show_header,
        header_style="bold",
        title_style="",
        title_justify="left",
        caption_style="dim",
        caption_justify="left",
    )


def model_column() -> Column:
    """Return the first column of a table of models."""
    return Column("model", no_wrap=True, min_width=14)


def number(value: float | None, form: str | None = None) -> Text:
    """Return a number in as many digits as a table has room for; a dash for none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return Text("-")
    if form is None:
        size = abs(value)
        form = ".3g" if size >= 10_000_000 else ".0f" if size >= 10_000 else ".1f" if size >= 100 else ".3f"
    return Text(format(int(value) if form == "d" else value, form))


def shows_bars(console: Console) -> bool:
    """Return whether its stream takes more than plain letters."""
    return (console.encoding or "").lower().startswith("utf")


def spark(
    values: Sequence[float | None], width: int, bounds: tuple[float, float] | None = None, *, bars: str = BARS
) -> str:
    """Return the values as bars of one character each, means of neighbours where there are more than `width`.

    Args:
        bounds: values of the lowest and the highest bar; those that occur if not given.
        bars: characters from the lowest to the highest.
    """
    count = min(width, len(values))
    groups = [values[k * len(values) // count : (k + 1) * len(values) // count] for k in range(count)]
    means = [_mean([value for value in group if value is not None]) for group in groups]
    seen = [mean for mean in means if mean is not None]
    low, high = bounds or (min(seen, default=0.0), max(seen, default=0.0))
    span = (high - low) or 1.0
    return "".join(" " if one is None else bars[round((one - low) / span * (len(bars) - 1))] for one in means)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def stamps(wall: Stamps) -> list[str]:
    """Wall clocks (n,) as dates, or as dates with clocks where one is not midnight."""
    whole = bool((wall == wall.astype("datetime64[D]")).all())
    return [str(one).replace("T", " ") for one in wall.astype("datetime64[D]" if whole else "datetime64[s]")]
