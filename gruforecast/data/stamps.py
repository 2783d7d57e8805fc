"""Time stamps as people write them, and written back in the same form.

A form is decided by all values of a column, never by one; what could be read in two ways is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Stamps
from gruforecast.errors import DataError

ZONE = r"(?P<zone>\s?(?:Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?"
FRACTION = r"(?:\.(?P<fraction>0+))?"  # other fractions of a second are not read
CLOCK = rf"(?:(?P<sep>[ T])(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}){FRACTION})?{ZONE})?"
FORMS = {
    "ymd": re.compile(rf"(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){CLOCK}"),
    "compact": re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"),
    "month": re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>0[1-9]|1[0-2])"),
    "compact-month": re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(?P<year>\d{4})(?P<mark>[- ]?)Q(?P<quarter>[1-4])"),
    "year": re.compile(r"(?P<year>1[5-9]\d{2}|20\d{2})"),
    "two": re.compile(rf"(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){CLOCK}"),
}
KINDS = ("ymd", "dmy", "mdy", "compact", "month", "compact-month", "quarter", "year")
EXAMPLE = "2024-01-31, 2024-01-31 13:00, 31/01/2024, 2024-01, 2024Q1 or 2024"


@dataclass(frozen=True)
class StampForm:
    """How stamps are written.

    Attributes:
        kind: one of `KINDS`.
        mark: between year, month and day; sep: before the clock.
        clock: `""`, `"minute"`, `"second"` or `"fraction"`.
        zone: text of the offset that every stamp carries, or empty.
        padded: whether months and days have two digits.
    """

    kind: str
    mark: str = "-"
    sep: str = " "
    clock: str = ""
    zone: str = ""
    padded: bool = True

    def __post_init__(self) -> None:
        texts = (self.mark, self.sep, self.clock, self.zone)
        if self.kind not in KINDS or not all(isinstance(text, str) and len(text) < 10 for text in texts):
            raise ValueError(f"impossible form of stamps: {self}")
        if self.clock not in ("", "minute", "second", "fraction"):
            raise ValueError(f"impossible form of stamps: {self}")

    def can_write(self, seconds: int | None) -> bool:
        """Whether stamps `seconds` apart (None: months or business days) look different in this form."""
        if self.kind in ("month", "compact-month", "quarter", "year"):
            return seconds is None
        return bool(self.clock) or seconds is None or seconds % 86_400 == 0

    def write(self, ds: Stamps) -> list[str]:
        """Stamps of any shape as text, flattened, in this form."""
        texts = np.datetime_as_string(ds.ravel().astype("datetime64[s]"))
        return [self._one(text) for text in texts]

    def _one(self, iso: str) -> str:
        year, month, day = iso[:10].split("-")
        if not self.padded:
            month, day = str(int(month)), str(int(day))
        m = self.mark
        date = {
            "ymd": f"{year}{m}{month}{m}{day}",
            "dmy": f"{day}{m}{month}{m}{year}",
            "mdy": f"{month}{m}{day}{m}{year}",
            "compact": f"{year}{month}{day}",
            "month": f"{year}{m}{month}",
            "compact-month": f"{year}{month}",
            "quarter": f"{year}{m}Q{(int(month) + 2) // 3}",
            "year": year,
        }[self.kind]
        clock = {"": "", "minute": iso[11:16], "second": iso[11:19], "fraction": f"{iso[11:19]}.000"}[self.clock]
        return f"{date}{self.sep if clock else ''}{clock}{self.zone}"


def parse_stamps(
    cells: list[str], lines: list[int], file: str, column: str, like: StampForm | None = None
) -> tuple[Stamps, StampForm, list[str]]:
    """Stamps (n,) as datetime64[s], their form, and warnings.

    Stamps with one common offset keep their local clock; several offsets are converted to UTC.

    Args:
        like: the form of earlier data, which settles day or month first where the cells do not.

    Raises:
        DataError: a cell is no time stamp, is no real date, or the column could be read in two ways.
    """
    place = {"file": file, "column": column}
    unique = list(dict.fromkeys(cells))
    matches = _match_all(unique, cells, lines, place)
    kind = next(iter(matches))
    found = matches[kind]
    if kind == "two":
        kind = _day_or_month_first(found, lines[0], place, like)
    iso = [_iso(match, kind) for match in found]
    try:
        parsed = np.array([_to_datetime(text) for text in iso])
    except ValueError:
        bad = next(k for k, text in enumerate(iso) if not _is_date(text))
        line = lines[cells.index(unique[bad])]
        raise DataError(
            f"{unique[bad]!r} is not a date that exists.",
            remedy="Correct the cell.",
            code="GF-D22",
            line=line,
            value=unique[bad],
            **place,
        ) from None
    _check_uniform(unique, found, cells, lines, place)
    form, offsets, warnings = _form(kind, found)
    if offsets is not None:
        parsed = parsed - offsets
    index = {text: k for k, text in enumerate(unique)}
    return parsed[[index[cell] for cell in cells]], form, warnings


def _match_all(
    unique: list[str], cells: list[str], lines: list[int], place: dict[str, str]
) -> dict[str, list[re.Match[str]]]:
    """The one form that every value has, with its matches."""
    best, furthest = "", -1
    for kind, pattern in FORMS.items():
        found: list[re.Match[str]] = []
        for text in unique:
            match = pattern.fullmatch(text)
            if match is None:
                break
            found.append(match)
        if len(found) == len(unique):
            return {kind: found}
        if len(found) > furthest:
            best, furthest = unique[len(found)], len(found)
    found_text = f"{best!r} is not a time stamp" if best else "the cell is blank"
    hint = f" like {unique[0]!r}." if furthest > 0 else "."
    raise DataError(
        found_text + hint,
        remedy=f"Write stamps in one form, such as {EXAMPLE}, or name another column with --time.",
        code="GF-D20",
        line=lines[cells.index(best)],
        value=best,
        **place,
    )


def _check_uniform(
    unique: list[str], found: list[re.Match[str]], cells: list[str], lines: list[int], place: dict[str, str]
) -> None:
    """Refuse a column whose stamps differ in the mark of their dates or in having an offset at all."""
    for name in ("mark", "zone"):
        parts = [match.groupdict().get(name) or "" for match in found]
        kinds = [bool(part) if name == "zone" else part for part in parts]
        if len(set(kinds)) > 1:
            bad = next(k for k, kind in enumerate(kinds) if kind != kinds[0])
            raise DataError(
                f"{unique[bad]!r} is not written like {unique[0]!r}.",
                remedy="Write all stamps in one form.",
                code="GF-D23",
                line=lines[cells.index(unique[bad])],
                value=unique[bad],
                **place,
            )


def _day_or_month_first(found: list[re.Match[str]], line: int, place: dict[str, str], like: StampForm | None) -> str:
    first, second = max(int(m["one"]) for m in found), max(int(m["two"]) for m in found)
    if first > 12 >= second:
        return "dmy"
    if second > 12 >= first:
        return "mdy"
    if max(first, second) <= 12 and like is not None and like.kind in ("dmy", "mdy"):
        return like.kind
    example = found[0].group()
    raise DataError(
        f"{example!r} could be day first or month first, and no row settles it.",
        remedy="Write dates as YYYY-MM-DD.",
        code="GF-D21",
        line=line,
        value=example,
        **place,
    )


def _iso(match: re.Match[str], kind: str) -> str:
    parts = match.groupdict()
    month, day = parts.get("month") or "1", parts.get("day") or "1"
    if kind == "quarter":
        month = str(3 * int(parts["quarter"]) - 2)
    if kind in ("dmy", "mdy"):
        day, month = (parts["one"], parts["two"]) if kind == "dmy" else (parts["two"], parts["one"])
    clock = f"{int(parts.get('hour') or 0):02}:{parts.get('minute') or '00'}:{parts.get('second') or '00'}"
    return f"{parts['year']}-{int(month):02}-{int(day):02}T{clock}"


def _to_datetime(iso: str) -> np.datetime64:
    return np.datetime64(iso, "s")


def _is_date(iso: str) -> bool:
    try:
        _to_datetime(iso)
    except ValueError:
        return False
    return True


def _form(kind: str, found: list[re.Match[str]]) -> tuple[StampForm, np.ndarray | None, list[str]]:
    """The form to write in, offsets to subtract (None: keep the local clock), and warnings."""
    parts = found[0].groupdict()
    zones = [(match.groupdict().get("zone") or "") for match in found]
    one_zone = len({zone.strip() for zone in zones}) == 1
    fraction, second, minute = ("fraction", "second", "minute")
    clock = next((name for name in (fraction, second, minute) if any(m.groupdict().get(name) for m in found)), "")
    dayparts = [m.groupdict().get(name) or "00" for m in found for name in ("month", "day", "one", "two")]
    form = StampForm(
        kind=kind,
        mark=parts.get("mark") or "",
        sep=parts.get("sep") or next((m["sep"] for m in found if m.groupdict().get("sep")), " "),
        clock=clock,
        zone=zones[0] if one_zone else "+00:00",
        padded=all(len(text) == 2 for text in dayparts),
    )
    if one_zone:
        return form, None, []
    offsets = np.array([_offset_seconds(zone) for zone in zones], "timedelta64[s]")
    return form, offsets, ["the time stamps have several UTC offsets: read and forecast in UTC"]


def _offset_seconds(zone: str) -> int:
    digits = zone.strip().replace(":", "")
    if digits in ("", "Z", "UTC"):
        return 0
    hours, minutes = int(digits[1:3]), int(digits[3:5] or 0)
    return (-1 if digits[0] == "-" else 1) * (3600 * hours + 60 * minutes)
