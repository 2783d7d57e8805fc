"""Covariates: read, refused, and asked for ahead."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from gruforecast.data.calendar.holidays import holiday_counts
from gruforecast.data.checks import odd_values
from gruforecast.data.future_covariates import read_future
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Plan
from gruforecast.data.read import read_csv, read_like
from gruforecast.errors import DataError, ModelError, UsageError
from gruforecast.serialization import plain, record

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def table(columns: dict[str, list[str]], rows: int = 40, keys: tuple[str, ...] = ("A",), ahead: int = 0) -> str:
    """Hours of several series; a column may have fewer cells than rows: they begin anew then."""
    lines = [",".join(["unique_id", "ds", *columns])]
    for key in keys:
        for k in range(rows):
            stamp = (START + dt.timedelta(hours=k + ahead)).strftime("%Y-%m-%d %H:%M")
            lines.append(",".join([key, stamp, *(cells[k % len(cells)] for cells in columns.values())]))
    return "\n".join(lines) + "\n"


Y = [str(10 + (7 * k) % 11) for k in range(40)]


def read(path: Path, text: str, **options: object):
    path = path / "f.csv"
    path.write_text(text)
    return read_csv(str(path), ReadOptions(**options))  # type: ignore[arg-type]


def test_numbers_flags_and_categories_become_columns(tmp_path: Path) -> None:
    columns = {"y": Y, "heat": ["1.5", "", "-2"], "promo": ["0", "1"], "sky": ["sun", "rain", "sun", "snow"]}
    text = table({**columns, "open": ["yes", "no", "yes"]}, keys=("A", "B"))
    found = read(tmp_path, text, known=("heat", "sky", "open"), past=("promo",))
    plan = found.panel.plan
    assert plan.columns == ("heat", "sky=rain", "sky=snow", "sky=sun", "open", "promo")
    assert plan.inputs == ("known", *["known flag"] * 4, "past flag")
    np.testing.assert_array_equal(
        found.panel.x[:4],
        [[1.5, 0, 0, 1, 1, 0], [np.nan, 1, 0, 0, 0, 1], [-2, 0, 0, 1, 1, 0], [1.5, 0, 1, 0, 1, 1]],
    )
    np.testing.assert_array_equal(found.panel.x[:40], found.panel.x[40:])
    assert "heat: 26 of 80 values are missing, its mean stands for them" in map(
        str, odd_values(found.panel, found.lines)
    )


def test_static_columns_hold_for_the_whole_series(tmp_path: Path) -> None:
    text = (
        table({"y": Y, "town": ["", "Linz"]}, keys=("A",))
        + table({"y": Y, "town": ["Graz"]}, keys=("B",))[len("unique_id,ds,y,town\n") :]
    )
    found = read(tmp_path, text, static=("town", "unique_id"))
    assert found.panel.plan.columns == ("town=Graz", "town=Linz", "unique_id=A", "unique_id=B")
    np.testing.assert_array_equal(found.panel.x[[0, 1, 40]], [[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])
    with pytest.raises(DataError, match=r"'2' differs from '1' in line 2 of the same series") as refused:
        read(tmp_path, table({"y": Y, "town": ["1", "2"]}), static=("town",))
    assert (refused.value.code, refused.value.line, refused.value.column) == ("GF-D58", 3, "town")


def test_steps_that_the_file_skips_are_missing_but_for_what_is_constant(tmp_path: Path) -> None:
    lines = (
        table({"y": Y, "heat": Y, "town": ["1"]}).splitlines()
        + table({"y": Y, "heat": Y, "town": ["2"]}, keys=("B",)).splitlines()[1:]
    )
    del lines[5]
    found = read(tmp_path, "\n".join(lines), past=("heat",), static=("town",))
    np.testing.assert_array_equal(found.panel.x[3:6], [[float(Y[3]), 1], [np.nan, 1], [float(Y[5]), 1]])


def test_a_column_that_says_nothing_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, table({"y": Y, "a": ["5"], "b": ["NA", ""]}), known=("a", "b"))
    assert found.panel.x.shape == (40, 0)
    assert found.warnings == ["a never changes (5): left out", "b has no values: left out"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"known": ("y",), "target": "y"}, r"column 'y' is passed with `known` and with `target`"),
        ({"known": ("heat",), "past": ("heat",)}, r"column 'heat' is passed with `known` and with `past`"),
        ({"known": ("unique_id",), "id": ("unique_id",)}, r"column 'unique_id' is passed with `known` and with `id`"),
        ({"holidays": "XX"}, r"`holidays` 'XX' is no country"),
        ({"holidays": "AU-VIX"}, r"AU has no part 'VIX'\. Did you mean 'VIC'"),
    ],
)
def test_impossible_parts_are_refused(tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path, table({"y": Y, "heat": Y}), **options)


def test_a_column_that_is_not_there_or_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no column 'heta'\. Did you mean 'heat'"):
        read(tmp_path, table({"y": Y, "heat": Y}), known=("heta",))
    with pytest.raises(DataError, match=r'line 12, column "heat": \'oops\' is not a number'):
        read(tmp_path, table({"y": Y, "heat": [*Y[:10], "oops", *Y[11:]]}), known=("heat",))


@pytest.mark.parametrize(
    ("column", "role", "said"),
    [
        ([*Y[1:], "5"], "known", r"GF-W21 'x' looks like the target \(r=1.000 at lag -1\)"),
        ([*Y[1:], "5"], "past", r"GF-W21 'x' looks like the target \(r=1.000 at lag -1\)"),
        (["5", *Y[:-1]], "known", r"GF-W21 'x' looks like the target \(r=1.000 at lag 1\)"),
        (["5", *Y[:-1]], "past", None),  # what was there yesterday may be known
        ([str(1.0001 * float(y)) for y in Y], "known", r"GF-W21 'x' looks like the target \(r=1.000 at lag 0\)"),
        ([str(k * k % 17) for k in range(40)], "known", None),
    ],
)
def test_a_column_that_is_the_target_is_warned_about(
    tmp_path: Path, column: list[str], role: str, said: str | None
) -> None:
    found = read(tmp_path, table({"y": Y, "x": column}), **{role: ("x",)})
    warnings = [one for one in odd_values(found.panel, found.lines) if one.code == "GF-W21"]
    assert len(warnings) == (said is not None)
    if said:
        assert __import__("re").search(said, str(warnings[0]))


def test_two_trends_do_not_look_like_each_other(tmp_path: Path) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=(2, 40)) + 5, axis=1).round(3).astype(str)
    found = read(tmp_path, table({"y": list(walk[0]), "x": list(walk[1])}), known=("x",))
    assert np.corrcoef(found.panel.y, found.panel.x[:, 0])[0, 1] > 0.99
    assert not odd_values(found.panel, found.lines)


def test_rare_categories_share_the_code_of_unknown_ones(tmp_path: Path) -> None:
    cells = [f"c{k % 36:02}" for k in range(400)]
    found = read(tmp_path, table({"y": Y, "kind": cells}, rows=400), known=("kind",))
    assert len(found.panel.plan.columns) == 32
    assert found.warnings == ["kind: 4 rare categories count as unknown ones"]
    assert np.isnan(found.panel.x[cells.index("c35")]).all()


def test_duplicates_must_agree_in_every_column(tmp_path: Path) -> None:
    lines = table({"y": Y, "heat": Y}).splitlines()
    same = "\n".join([*lines, lines[3]])
    assert "1 rows were exact duplicates: dropped" in read(tmp_path, same, known=("heat",)).warnings
    other = "\n".join([*lines, lines[3].rsplit(",", 1)[0] + ",99"])
    with pytest.raises(DataError, match="lines 4 and 42"):
        read(tmp_path, other, known=("heat",))
    merged = read(tmp_path, other, known=("heat",), on_duplicate="last").panel
    assert merged.x[2, 0] == (99 + float(Y[2])) / 2


def test_wide_files_share_a_column_among_all_series(tmp_path: Path) -> None:
    lines = ["ds,a,b,heat"] + [f"2024-01-{k + 1:02},{k},{k * k % 7},{k % 5}" for k in range(28)]
    found = read(tmp_path, "\n".join(lines), wide=True, known=("heat",))
    assert found.panel.ids == (("a",), ("b",))
    np.testing.assert_array_equal(found.panel.x[:, 0], np.tile(np.arange(28) % 5, 2))
    again = read_like(str(tmp_path / "f.csv"), found.panel.plan).panel
    assert again.digest() == found.panel.digest()


def test_the_plan_reads_other_files_alike(tmp_path: Path) -> None:
    text = table({"y": Y, "heat": ["1,5", "2,5"], "sky": ["sun", "rain"]}).replace(",", ";").replace("1;5", "1,5")
    text = text.replace("2;5", "2,5")
    found = read(tmp_path, text, known=("heat", "sky"), holidays="AT")
    plan = record(Plan, plain(found.panel.plan), "model.json")
    assert plan == found.panel.plan
    again = tmp_path / "again.csv"
    again.write_text(text.replace("rain", "fog"))
    like = read_like(str(again), plan)
    np.testing.assert_array_equal(like.panel.x[:2], [[1.5, 0, 1, 1], [2.5, np.nan, np.nan, 1]])
    assert like.warnings[-1] == "sky: 20 rows have other categories than the model knows ('fog')"
    again.write_text(text.replace("heat", "cold"))
    with pytest.raises(DataError, match=r"there is no column 'heat'.*The model was fitted on data with"):
        read_like(str(again), plan)


class TestFuture:
    @staticmethod
    def plan(tmp_path: Path, **more: object) -> Plan:
        columns = {"y": Y, "heat": ["1", "2", "4"], "sky": ["sun", "rain"], "seen": Y}
        text = table(columns, keys=("A", "B"))
        return read(tmp_path, text, known=("heat", "sky"), past=("seen",), **more).panel.plan

    @staticmethod
    def ds(hours: int) -> np.ndarray:
        first = np.datetime64("2024-01-02T16:00:00", "s")
        return np.tile(first + np.arange(hours).astype("timedelta64[h]"), (2, 1))

    def test_it_gives_every_step_in_any_order(self, tmp_path: Path) -> None:
        plan = self.plan(tmp_path)
        lines = table({"heat": ["3", "5"], "sky": ["rain"]}, 3, ("B", "A", "C"), ahead=40).splitlines()
        path = tmp_path / "future.csv"
        path.write_text("\n".join([lines[0], *reversed(lines[1:])]))
        found = read_future(str(path), plan).of((("A",), ("B",)), self.ds(3))
        np.testing.assert_array_equal(found, np.tile([[3, 1, 0], [5, 1, 0], [3, 1, 0]], (2, 1, 1)))

    def test_steps_that_are_missing_are_named(self, tmp_path: Path) -> None:
        path = tmp_path / "future.csv"
        plan = self.plan(tmp_path)
        lines = table({"heat": ["3"], "sky": ["rain"]}, 3, ("A", "B"), ahead=40).splitlines()
        path.write_text("\n".join(lines[:-2] + lines[-1:]))
        with pytest.raises(DataError, match=r"1 of 6 steps have no row of heat, sky: 'B 2024-01-02 17:00'") as refused:
            read_future(str(path), plan).of((("A",), ("B",)), self.ds(3))
        assert refused.value.code == "GF-D59"
        path.write_text("\n".join(lines).replace("17:00,3", "17:00,"))
        with pytest.raises(DataError, match=r"2 of 6 steps have no value .*'A 2024-01-02 17:00', 'B 2024-01-02 17:00'"):
            read_future(str(path), plan).of((("A",), ("B",)), self.ds(3))

    def test_without_an_id_column_rows_are_those_of_the_only_series(self, tmp_path: Path) -> None:
        plan, path = self.plan(tmp_path), tmp_path / "future.csv"
        lines = table({"heat": ["3"], "sky": ["rain"]}, 3, ("A",), ahead=40).splitlines()
        place = lines[0].split(",").index(plan.names.ids[0])
        path.write_text("\n".join(",".join(c for k, c in enumerate(row.split(",")) if k != place) for row in lines))
        with pytest.raises(DataError, match=f"no column '{plan.names.ids[0]}'"):
            read_future(str(path), plan)
        found = read_future(str(path), plan, one=True).of((("A",),), self.ds(3)[:1])
        assert found[0, :, 0].tolist() == [3, 3, 3]

    def test_a_file_that_contradicts_the_plan_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "future.csv"
        path.write_text("unique_id,ds,heat\nA,2024-01-02 16:00,3\n")
        with pytest.raises(DataError, match=r"there is no column 'sky'.*The model was fitted on data with"):
            read_future(str(path), self.plan(tmp_path))
        path.write_text("unique_id,ds,heat,sky\nA,2024-01-02 16:00,3,sun\nA,2024-01-02 16:00,4,sun\n")
        with pytest.raises(DataError, match="lines 2 and 3 have the same time stamp"):
            read_future(str(path), self.plan(tmp_path))


def test_holidays_of_a_place() -> None:
    days = np.array(["2024-11-04", "2024-11-05", "2024-12-25", "2024-12-26", "2024-12-27"], "datetime64[s]")
    np.testing.assert_array_equal(holiday_counts("AU-VIC", days, days), [0, 1, 1, 1, 0])  # Melbourne Cup, Christmas
    np.testing.assert_array_equal(holiday_counts("AU", days, days), [0, 0, 1, 1, 0])
    weeks = np.array(["2024-12-16", "2024-12-23"], "datetime64[s]")
    np.testing.assert_array_equal(holiday_counts("DE", weeks, weeks + np.timedelta64(7, "D")), [0, 2])
    night = np.array(["2024-12-24T23:59:59", "2024-12-25T00:00:00"], "datetime64[s]")
    np.testing.assert_array_equal(holiday_counts("DE", night, night + np.timedelta64(1, "h")), [0, 1])


def test_holidays_follow_the_local_day(tmp_path: Path) -> None:
    lines = ["ds,y"] + [
        f"{START.replace(month=12, day=24) + dt.timedelta(hours=k):%Y-%m-%dT%H:%M:%SZ},{k % 7}" for k in range(48)
    ]
    found = read(tmp_path, "\n".join(lines), holidays="DE", tz="Europe/Berlin")
    assert found.panel.x[:, 0].tolist() == [0.0] * 23 + [1.0] * 25  # 23:00 UTC is midnight there


def days_of(text: str, path: Path, **options: object) -> Plan:
    return read(path, text, **options).panel.plan


def daily(cells: list[str], first: str = "2024-01-01") -> str:
    stamps = np.datetime64(first) + np.arange(len(cells))
    return "ds,y,x\n" + "".join(f"{day},{10 + k % 7},{cell}\n" for k, (day, cell) in enumerate(zip(stamps, cells)))  # noqa: B905


@pytest.mark.parametrize(
    ("cells", "columns", "first"),
    [
        (["18-25", "26-35", "36+"], ("x=18-25", "x=26-35", "x=36+"), [1, 0, 0]),
        (["1A", "2B"], ("x=1A", "x=2B"), [1, 0]),
        (["", "promo"], ("x=promo",), [0]),
        (["", "1"], ("x=1",), [0]),
        (["sale", "none"], ("x=sale",), [1]),
    ],
)
def test_what_a_column_means(tmp_path: Path, cells: list[str], columns: tuple[str, ...], first: list[int]) -> None:
    found = read(tmp_path, daily([cells[k % len(cells)] for k in range(40)]), known=("x",)).panel
    assert found.plan.columns == columns
    assert found.x[0].tolist() == first
    assert not np.isnan(found.x).any()


def test_an_id_of_digits_is_a_category(tmp_path: Path) -> None:
    found = read(tmp_path, table({"y": Y}, keys=("101", "102")), static=("unique_id",)).panel
    assert found.plan.columns == ("unique_id=101", "unique_id=102")


def test_a_static_column_changes_no_other_choice(tmp_path: Path) -> None:
    lines = ["store,ds,y,week"]
    for store in ("n", "s"):
        lines += [f"{store},{np.datetime64('2024-01-01') + k},{k % 5},{k // 7 + 1}" for k in range(60)]
    plain = read(tmp_path, "\n".join(lines)).panel.plan
    assert read(tmp_path, "\n".join(lines), static=("store",)).panel.plan.names == plain.names
    towns = table({"y": Y, "town": ["Graz"]}).replace("unique_id", "shop").splitlines()
    towns += [line.replace("A,", "B,", 1).replace("Graz", "Linz") for line in towns[1:]]
    assert read(tmp_path, "\n".join(towns), static=("town",)).panel.plan.names.ids == ("shop",)


def test_a_wide_column_that_was_left_out_is_no_series_later(tmp_path: Path) -> None:
    lines = ["ds,a,b,price"] + [f"2024-01-{k + 1:02},{k},{k * k % 7},5" for k in range(28)]
    found = read(tmp_path, "\n".join(lines), wide=True, known=("price",)).panel
    assert read_like(str(tmp_path / "f.csv"), found.plan).panel.digest() == found.digest()


@pytest.mark.parametrize(
    ("cells", "later", "said"),
    [
        (["0%", "10%", "20%"], "0.1", r"'0.1' does not carry the unit"),
        (["0", "1"], "7", r"line 2, column \"x\": '7' is neither 0 nor 1"),
        (["a", "b"], "", r"line 2, column \"x\": a category is missing"),
    ],
)
def test_a_later_cell_that_means_something_else_is_refused(
    tmp_path: Path, cells: list[str], later: str, said: str
) -> None:
    plan = days_of(daily([cells[k % len(cells)] for k in range(40)]), tmp_path, known=("x",))
    path = tmp_path / "later.csv"
    path.write_text(f"ds,x\n2024-02-10,{later}\n")
    with pytest.raises(DataError, match=said):
        read_future(str(path), plan)


def test_values_ahead_that_are_blank_are_named_by_their_step(tmp_path: Path) -> None:
    plan = days_of(daily([str(k * k % 11) for k in range(40)]), tmp_path, known=("x",))
    path = tmp_path / "later.csv"
    path.write_text("ds,x\n2024-02-10,\n")
    ds = np.array([["2024-02-10"]], "datetime64[s]")
    with pytest.raises(DataError, match=r"1 of 1 steps have no value of x: '2024-02-10'"):
        read_future(str(path), plan).of((("series",),), ds)


def test_values_ahead_are_brought_to_the_step_of_the_model(tmp_path: Path) -> None:
    stamps = np.datetime64("2024-01-01T00") + np.arange(24 * 30)
    lines = [f"{str(at).replace('T', ' ')}:00,{k % 5},{k % 24}" for k, at in enumerate(stamps)]
    plan = days_of("\n".join(["ds,y,x", *lines]), tmp_path, known=("x",), resample="mean", freq="D")
    path = tmp_path / "later.csv"
    path.write_text("ds,x\n" + "".join(f"2024-02-01 {k:02}:00,{k}\n" for k in range(24)))
    found = read_future(str(path), plan).of((("series",),), np.array([["2024-02-01"]], "datetime64[s]"))
    assert found[0, 0, 0] == 11.5


def test_offsets_where_there_were_none_are_refused(tmp_path: Path) -> None:
    plan = days_of(table({"y": Y, "x": Y}), tmp_path, known=("x",))
    path = tmp_path / "later.csv"
    path.write_text("unique_id,ds,x\nA,2024-10-27 02:00:00+02:00,3\nA,2024-10-27 02:00:00+01:00,3\n")
    with pytest.raises(
        DataError, match="the time stamps have UTC offsets, those of the data that were fitted had none"
    ):
        read_future(str(path), plan)


def test_holidays_of_stamps_at_the_end_of_a_month_are_those_of_that_month(tmp_path: Path) -> None:
    months = np.arange("2020-01", "2023-01", dtype="datetime64[M]")
    begins = "\n".join(["ds,y", *(f"{one}-01,{k % 12}" for k, one in enumerate(months))])
    ends = "\n".join(["ds,y", *(f"{(one + 1).astype('datetime64[D]') - 1},{k % 12}" for k, one in enumerate(months))])
    found = [read(tmp_path, text, holidays="DE").panel.x[:, 0].tolist() for text in (begins, ends)]
    assert found[0] == found[1]
    assert found[0][:5] == [1, 0, 0, 2, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"holidays": 5},
        {"holidays": "XX"},
        {"covariates": [{"name": "y", "role": "known", "numbers": {}, "flag": False, "categories": []}]},
        {"covariates": [{"name": "x", "role": "known", "numbers": {}, "flag": False, "categories": ["a", "a"]}]},
        {"covariates": [{"name": "x", "role": "known", "numbers": {}, "flag": True, "categories": ["a", "b"]}]},
        {"covariates": [{"name": "x", "role": "never", "numbers": {}, "flag": True, "categories": []}]},
        {"covariates": [{"name": "x", "role": "past", "numbers": {}, "flag": False, "categories": []}] * 2},
        {"covariates": [{"name": "x", "role": "past", "numbers": {}, "categories": [str(k) for k in range(99)]}]},
        {"covariates": [{"name": "x", "role": "past", "numbers": {}, "flag": False, "categories": "abc"}]},
    ],
)
def test_an_impossible_plan_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    kept = plain(days_of(table({"y": Y, "x": Y}), tmp_path, known=("x",)))
    with pytest.raises(ModelError):
        record(Plan, {**kept, **change}, "model.json")


def test_an_outlier_on_a_flagged_day_is_no_leak(tmp_path: Path) -> None:
    flag = ["1" if k == 20 else "0" for k in range(40)]
    found = read(tmp_path, table({"y": ["5000" if one == "1" else "20" for one in flag], "x": flag}), known=("x",))
    assert not [one for one in odd_values(found.panel, found.lines) if one.code == "GF-W21"]


def test_too_many_columns_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    columns = {f"c{k}": [f"v{j}" for j in range(32)] for k in range(33)}
    with pytest.raises(DataError, match="become 1056 numbers, 999 may be"):
        read(tmp_path, table({"y": Y, **columns}, rows=80), known=tuple(columns))


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["a", "b"] * 20, "category"),
        ([f"v{k % 20}" for k in range(40)], "category"),  # half of the cells differ
        ([f"v{k % 21}" for k in range(40)], "refused"),
        (["yes", "no"] * 20, "flag"),
        (["0", "1", ""] * 13 + ["1"], "flag"),
        (["0", "2"] * 20, "number"),
        (["0", "1", "0.5"] * 13 + ["1"], "number"),
        (["1"] * 40, "nothing"),
        ([""] * 40, "nothing"),
        (["x", ""] * 20, "event"),
        (["1", ""] * 20, "event"),
        (["2", ""] * 20, "nothing"),
        (["x"] * 40, "nothing"),
    ],
)
def test_what_a_column_says_by_its_cells(tmp_path: Path, cells: list[str], kind: str) -> None:
    text = table({"y": Y, "x": cells})
    if kind == "refused":
        with pytest.raises(DataError) as caught:
            read(tmp_path, text, past=("x",))
        said = "it holds text that hardly ever repeats (21 different cells in 40)."
        assert (caught.value.message, caught.value.code, caught.value.line) == (said, "GF-D61", 2)
        return
    reading = read(tmp_path, text, past=("x",))
    plan = reading.panel.plan
    if kind == "nothing":
        assert (plan.covariates, plan.left_out) == ((), ("x",))
        assert any(text.startswith("x ") and text.endswith(": left out") for text in reading.warnings)
        return
    (one,) = plan.covariates
    assert one.flag == (kind in ("flag", "event"))
    assert bool(one.categories) == (kind in ("category", "event"))
    assert plan.inputs[0] == ("past" if kind == "number" else "past flag")
    assert reading.panel.x.shape == (40, max(1, len(one.categories)))
    if kind == "event":
        assert reading.panel.x[:4, 0].tolist() == [1, 0, 1, 0]


def test_the_most_frequent_categories_have_a_column_by_the_alphabet(tmp_path: Path) -> None:
    texts = [f"v{k:02}" for k in range(33)]
    cells = [*texts * 3, *texts[:0:-1]]  # the first one is rarer than all others
    plan = read(tmp_path, table({"y": Y, "x": cells}, rows=len(cells)), past=("x",)).panel.plan
    assert plan.covariates[0].categories == tuple(texts[1:])
    whole = read(tmp_path, table({"y": Y, "x": texts[:32]}, rows=96), past=("x",))
    assert whole.panel.plan.covariates[0].categories == tuple(texts[:32])
    assert not [text for text in whole.warnings if "rare" in text]


def test_static_cells_may_be_the_same_number_written_otherwise(tmp_path: Path) -> None:
    text = table({"y": Y, "size": ["", "1.0", "1", "01"]}, keys=("A",)) + "\n".join(
        table({"y": Y, "size": ["2"]}, keys=("B",)).splitlines()[1:]
    )
    found = read(tmp_path, text, static=("size",)).panel
    assert set(found.x[:40, 0]) == {1.0}
    assert set(found.x[40:, 0]) == {2.0}
    with pytest.raises(DataError, match=r"'b' differs from 'a' in line 3 of the same series") as caught:
        read(tmp_path, table({"y": Y, "size": ["", "a", "b"]}), static=("size",))
    assert caught.value.line == 4
    assert "`past='size'` or `known='size'`" in caught.value.remedy


def test_one_number_too_many_is_refused_and_one_less_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gruforecast.data import covariates

    text = table({"y": Y, "a": ["u", "v", "w"], "b": Y})
    monkeypatch.setattr(covariates, "MAX_INPUTS", 5)
    assert read(tmp_path, text, past=("a", "b")).panel.x.shape[1] == 4
    monkeypatch.setattr(covariates, "MAX_INPUTS", 4)
    with pytest.raises(DataError, match="the covariates become 4 numbers, 3 may be") as caught:
        read(tmp_path, text, past=("a", "b"))
    assert (caught.value.column, caught.value.code) == ("a", "GF-D63")
    assert "such as 'a'" in caught.value.remedy


def test_ids_are_numbered_as_they_appear_and_blanks_around_them_are_said(tmp_path: Path) -> None:
    lines = [f"{key},2024-01-0{day},{day}" for day in (1, 2, 3) for key in ("b", '"b "', "a", "c")]
    reading = read(tmp_path, "\n".join(["unique_id,ds,y", *lines]))
    assert reading.panel.ids == (("b",), ("b ",), ("a",), ("c",))
    said = "1 ids differ from others by blanks around them only: `strip_ids=True` makes them one"
    assert said in reading.warnings
    lines = [line for line in lines if not line.startswith("b,")]
    stripped = read(tmp_path, "\n".join(["unique_id,ds,y", *lines]), strip_ids=True)
    assert stripped.panel.ids == (("b",), ("a",), ("c",))
    for blank in ("", '" "'):
        with pytest.raises(DataError, match="the cell is blank") as caught:
            read(tmp_path, f"unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\n{blank},2024-01-03,3\n")
        assert (caught.value.code, caught.value.line, caught.value.column) == ("GF-D34", 4, "unique_id")


def test_a_future_that_says_one_thing_twice_is_read_and_five_steps_are_named(tmp_path: Path) -> None:
    plan = days_of(daily([str(k * k % 11) for k in range(40)]), tmp_path, known=("x",))
    path = tmp_path / "later.csv"
    path.write_text("ds,x\n2024-02-11,4\n2024-02-10,3\n2024-02-11,4\n")
    ds = np.array([[f"2024-02-{day}" for day in range(10, 18)]], "datetime64[s]")
    assert read_future(str(path), plan).of((("series",),), ds[:, :2])[0, :, 0].tolist() == [3, 4]
    with pytest.raises(DataError, match="6 of 8 steps have no row of x: ") as caught:
        read_future(str(path), plan).of((("series",),), ds)
    assert "'2024-02-16'" in caught.value.message
    assert "'2024-02-17'" not in caught.value.message
    assert (caught.value.column, caught.value.code) == ("ds", "GF-D59")
    assert "`horizon`" in caught.value.remedy
    path.write_text("ds,x\n2024-02-11,4\n2024-02-10,3\n2024-02-11,5\n")
    with pytest.raises(DataError, match="lines 2 and 4 have the same time stamp with other values") as caught:
        read_future(str(path), plan)
    assert (caught.value.line, caught.value.code) == (4, "GF-D35")
