"""A data frame is read as a CSV file of it is."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.data.files.delimited import Layout, read_table
from gruforecast.data.files.frame import table_of_frame
from gruforecast.data.files.source import Limits
from gruforecast.data.finding import shown
from gruforecast.data.future_covariates import read_future
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv, read_like
from gruforecast.errors import DataError, ResourceError, UsageError

pa = pytest.importorskip("pyarrow")
COUNT = 60
DAYS = pd.date_range("2024-01-01", periods=COUNT)
HOURS = pd.date_range("2024-03-30", periods=COUNT, freq="h")  # with the hour that Europe skips on the 31st
AUTUMN = pd.date_range("2024-10-26", periods=COUNT, freq="h", tz="Europe/Berlin")  # with the hour that comes twice
Y = np.random.default_rng(0).normal(100, 10, COUNT)
HOLES = [None if k % 7 == 3 else float(value) for k, value in enumerate(Y)]
COLOURS = pd.Categorical(["red", "green", "blue", "red"] * (COUNT // 4), categories=["blue", "black", "green", "red"])
NO = {"index": False}
PAST = ReadOptions(past=("z",))


def both(tmp_path: Path, frame: Any, options: ReadOptions | None = None, **written: Any) -> tuple[Reading, Reading]:
    """Return what is read of a frame, and of its CSV file."""
    path = tmp_path / "data.csv"
    frame.to_csv(path, **written)
    return read_csv(frame, options), read_csv(str(path), options)


def assert_same(one: Reading, other: Reading, *, plan: bool = True) -> None:
    """Check that two panels are equal to the bit."""
    assert one.panel.ids == other.panel.ids
    for name in ("indptr", "ds", "y", "x"):
        a, b = getattr(one.panel, name), getattr(other.panel, name)
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes(), name
    if plan:
        assert one.panel.plan == other.panel.plan
        assert shown(one.findings, "info") == shown(other.findings, "info")


def typed(kind: str, values: list[Any]) -> pd.Series:
    """Return a column of a nullable type or one of pyarrow."""
    kinds = {"arrow int": pa.int64(), "arrow float": pa.float64(), "arrow text": pa.string()}
    kinds |= {"arrow stamps": pa.timestamp("us"), "arrow zone": pa.timestamp("us", "Europe/Berlin")}
    kinds |= {"arrow days": pa.date32(), "arrow decimal": pa.decimal128(12, 3), "arrow bool": pa.bool_()}
    kinds |= {"arrow words": pa.dictionary(pa.int8(), pa.string())}
    return pd.Series(values, dtype=pd.ArrowDtype(kinds[kind]) if kind in kinds else kind)


WHOLE = [None if k % 9 == 4 else k for k in range(COUNT)]
FLAGS = [k % 3 == 0 for k in range(COUNT)]
GAPPED = [None if k == 5 else flag for k, flag in enumerate(FLAGS)]
EIGHTHS = [Decimal(k) / 8 for k in range(COUNT)]
PAIRS = pd.MultiIndex.from_product([["a", "b"], DAYS[: COUNT // 2]], names=["shop", "day"])
CASES: dict[str, Callable[[], tuple[Any, ReadOptions, dict[str, Any]]]] = {
    "days": lambda: (pd.DataFrame({"ds": DAYS, "y": Y}), ReadOptions(), NO),
    "hours": lambda: (pd.DataFrame({"ds": HOURS, "y": Y}), ReadOptions(), NO),
    "zone": lambda: (pd.DataFrame({"ds": AUTUMN, "y": Y}), ReadOptions(), NO),
    "UTC": lambda: (pd.DataFrame({"ds": HOURS.tz_localize("UTC"), "y": Y}), ReadOptions(), NO),
    "days of a zone": lambda: (
        pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=COUNT, tz="Europe/Berlin"), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "local clock": lambda: (
        pd.DataFrame({"ds": AUTUMN.tz_localize(None), "y": Y}),
        ReadOptions(tz="Europe/Berlin"),
        NO,
    ),
    "half past": lambda: (
        pd.DataFrame({"ds": HOURS.tz_localize("UTC").tz_convert("Asia/Kolkata"), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "whole floats": lambda: (pd.DataFrame({"ds": DAYS, "y": np.arange(COUNT, dtype=float)}), ReadOptions(), NO),
    "integers": lambda: (pd.DataFrame({"ds": DAYS, "y": np.arange(COUNT, dtype="int8")}), ReadOptions(), NO),
    "single precision": lambda: (pd.DataFrame({"ds": DAYS, "y": Y.astype("float32")}), ReadOptions(), NO),
    "holes": lambda: (pd.DataFrame({"ds": DAYS, "y": HOLES}), ReadOptions(), NO),
    "holes of all kinds": lambda: (
        pd.DataFrame({"ds": DAYS, "y": pd.Series([*Y[:-5], None, pd.NA, np.nan, pd.NaT, 1.0], dtype=object)}),
        ReadOptions(),
        NO,
    ),
    "row without anything": lambda: (
        pd.DataFrame({"ds": [*DAYS[:30], pd.NaT, *DAYS[31:]], "y": [*Y[:30], None, *Y[31:]]}),
        ReadOptions(),
        NO,
    ),
    "Int64": lambda: (pd.DataFrame({"ds": DAYS, "y": typed("Int64", WHOLE)}), ReadOptions(), NO),
    "Float64": lambda: (pd.DataFrame({"ds": DAYS, "y": typed("Float64", HOLES)}), ReadOptions(), NO),
    "boolean": lambda: (pd.DataFrame({"ds": DAYS, "y": Y, "z": typed("boolean", GAPPED)}), PAST, NO),
    "bool": lambda: (pd.DataFrame({"ds": DAYS, "y": Y, "z": FLAGS}), ReadOptions(known=("z",), target="y"), NO),
    "bool as number": lambda: (pd.DataFrame({"ds": DAYS, "y": FLAGS}), ReadOptions(bool_as_number=True), NO),
    "object flags": lambda: (
        pd.DataFrame({"ds": DAYS, "y": Y, "z": pd.Series(GAPPED, dtype=object)}),
        ReadOptions(past=("z",)),
        NO,
    ),
    "arrow": lambda: (
        pd.DataFrame({"ds": typed("arrow stamps", list(HOURS)), "y": typed("arrow float", HOLES)}),
        ReadOptions(),
        NO,
    ),
    "arrow zone": lambda: (
        pd.DataFrame({"ds": typed("arrow zone", list(AUTUMN)), "y": typed("arrow int", WHOLE)}),
        ReadOptions(),
        NO,
    ),
    "arrow days": lambda: (
        pd.DataFrame({"ds": typed("arrow days", list(DAYS.date)), "y": typed("arrow decimal", EIGHTHS)}),
        ReadOptions(),
        NO,
    ),
    "arrow covariates": lambda: (
        pd.DataFrame({"ds": DAYS, "y": Y, "f": typed("arrow bool", GAPPED), "w": typed("arrow words", list(COLOURS))}),
        ReadOptions(known=("f",), past=("w",)),
        NO,
    ),
    "dates": lambda: (pd.DataFrame({"ds": pd.Series(DAYS.date, dtype=object), "y": Y}), ReadOptions(), NO),
    "date and clock": lambda: (
        pd.DataFrame({"date": HOURS.date, "time": HOURS.time, "y": Y}),
        ReadOptions(time=("date", "time")),
        NO,
    ),
    "objects": lambda: (
        pd.DataFrame({"ds": pd.Series(HOURS.to_pydatetime(), dtype=object), "y": EIGHTHS}),
        ReadOptions(),
        NO,
    ),
    "months": lambda: (
        pd.DataFrame({"ds": pd.period_range("2020-01", periods=COUNT, freq="M"), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "quarters": lambda: (
        pd.DataFrame({"y": Y}, index=pd.period_range("2009Q1", periods=COUNT, freq="Q", name="ds")),
        ReadOptions(),
        {},
    ),
    "years": lambda: (
        pd.DataFrame({"ds": pd.period_range("1950", periods=COUNT, freq="Y"), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "hour periods": lambda: (
        pd.DataFrame({"ds": pd.period_range("2024-01-01", periods=COUNT, freq="h").astype(object), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "categories as ids": lambda: (
        pd.DataFrame({"id": pd.Categorical(["b", "a"] * 30), "ds": np.repeat(DAYS[:30], 2), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "integers as ids": lambda: (
        pd.DataFrame({"store": np.tile([7, 12], 30), "ds": np.repeat(DAYS[:30], 2), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "blanks around ids": lambda: (
        pd.DataFrame({"id": [" a", "b "] * 30, "ds": np.repeat(DAYS[:30], 2), "y": Y}),
        ReadOptions(),
        NO,
    ),
    "covariates": lambda: (
        pd.DataFrame(
            {
                "id": np.repeat(["a", "b"], 30),
                "ds": np.tile(DAYS[:30], 2),
                "y": Y,
                "price": np.round(Y, 1),
                "colour": COLOURS,
                "size": np.repeat([1.5, 2.0], 30),
            }
        ),
        ReadOptions(target="y", known=("price",), past=("colour",), static=("size",)),
        NO,
    ),
    "index of stamps": lambda: (pd.DataFrame({"y": Y}, index=DAYS.rename("when")), ReadOptions(), {}),
    "index without a name": lambda: (pd.DataFrame({"y": Y}, index=AUTUMN), ReadOptions(), {"index_label": "ds"}),
    "index of texts": lambda: (
        pd.DataFrame({"y": Y}, index=DAYS.strftime("%d/%m/%Y")),
        ReadOptions(),
        {"index_label": "ds"},
    ),
    "filtered rows": lambda: (pd.DataFrame({"ds": DAYS, "y": Y})[3:], ReadOptions(), NO),
    "two levels": lambda: (pd.DataFrame({"y": Y}, index=PAIRS), ReadOptions(), {}),
    "two levels without names": lambda: (
        pd.DataFrame({"y": Y}, index=PAIRS.set_names([None, None])),
        ReadOptions(),
        {"index_label": ["unique_id", "ds"]},
    ),
    "time before ids": lambda: (
        pd.DataFrame({"y": Y}, index=PAIRS.swaplevel().set_names([None, None])),
        ReadOptions(),
        {"index_label": ["ds", "unique_id"]},
    ),
    "wide": lambda: (
        pd.DataFrame({"a": Y, "b": HOLES, "c": np.arange(COUNT)}, index=DAYS),
        ReadOptions(wide=True),
        {"index_label": "ds"},
    ),
    "wide by numbers": lambda: (
        pd.DataFrame({1: Y, 2: Y + 1}, index=DAYS.rename("ds")),
        ReadOptions(wide=True),
        {},
    ),
    "pivoted": lambda: (
        pd.DataFrame({"ds": np.repeat(DAYS[:15], 4), "s": pd.Categorical(list("abcd") * 15), "y": Y}).pivot_table(
            index="ds", columns="s", values="y", observed=True
        ),
        ReadOptions(wide=True),
        {},
    ),
    "series": lambda: (pd.Series(Y, index=DAYS, name="sales"), ReadOptions(), {"index_label": "ds"}),
    "series without a name": lambda: (pd.Series(Y, index=DAYS), ReadOptions(), {"index_label": "ds", "header": ["y"]}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_frame_and_its_csv_file_give_the_same_panel(tmp_path: Path, name: str) -> None:
    frame, options, written = CASES[name]()
    assert_same(*both(tmp_path, frame, options, **written))


@pytest.mark.parametrize("freq", ["W-SUN", "W-WED", "Y-MAR", "Q-MAR", "D", "3D", "min", "15min", "s", "2h"])
def test_periods_are_their_begin(freq: str) -> None:
    periods = pd.period_range("2024-01-03", periods=COUNT, freq=freq)
    panel = read_csv(pd.DataFrame({"ds": periods, "y": Y})).panel
    assert panel.ds.astype("datetime64[s]").tolist() == periods.start_time.to_pydatetime().tolist()
    assert panel.y.tolist() == Y.tolist()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float_is_written_so_that_it_comes_back(numbers: list[float]) -> None:
    cells = table_of_frame(pd.DataFrame({"y": np.array(numbers)}), Limits()).columns["y"]
    assert np.array(cells, float).tobytes() == np.array(numbers).tobytes()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1), st.sampled_from([0, 1, 2]))
def test_single_precision_has_its_own_shortest_text(numbers: list[float], kind: int) -> None:
    single = np.array(numbers, np.float32)
    column = pd.Series(single, dtype=[np.float32, pd.Float32Dtype(), pd.ArrowDtype(pa.float32())][kind])
    cells = table_of_frame(pd.DataFrame({"y": column}), Limits()).columns["y"]
    assert np.array(cells, np.float32).tobytes() == single.tobytes()
    assert all(len(Decimal(cell).normalize().as_tuple().digits) <= 9 for cell in cells)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1))
def test_nullable_integers_keep_every_digit(numbers: list[int | None]) -> None:
    frame = pd.DataFrame({"k": range(len(numbers)), "y": pd.Series(numbers, dtype="Int64")})
    assert table_of_frame(frame, Limits()).columns["y"] == ["" if one is None else str(one) for one in numbers]


def test_cells_are_written_as_they_stand_here() -> None:
    frame = pd.DataFrame(
        {
            "float": [3.0, 0.1, 1e22],
            "small": np.array([0.1, 1e-5, 3], np.float32),
            "midnights": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
            "clock": pd.to_datetime(["2024-01-01 00:00", "2024-01-02 03:00", None]),
            "zone": pd.to_datetime(["2024-01-01", "2024-07-01", None]).tz_localize("America/St_Johns"),
            "fraction": pd.to_datetime(["2024-01-01 00:00:00.5", "2024-01-01 00:00:00.0", None]).as_unit("ms"),
            "mixed": pd.Series([True, "x", 2.50], dtype=object),
            "sparse": pd.arrays.SparseArray([0.0, np.nan, 1.5], fill_value=0.0),
            "bins": pd.Categorical([1.0, None, 2.5]),
            "fiscal": pd.PeriodIndex(["2024Q1", "2024Q2", None], freq="Q-MAR"),
        }
    )
    assert table_of_frame(frame, Limits()).columns == {
        "float": ["3.0", "0.1", "1e+22"],
        "small": ["0.1", "1e-05", "3.0"],
        "midnights": ["2024-01-01", "2024-01-02", ""],
        "clock": ["2024-01-01 00:00:00", "2024-01-02 03:00:00", ""],
        "zone": ["2024-01-01 00:00:00-03:30", "2024-07-01 00:00:00-02:30", ""],
        "fraction": ["2024-01-01 00:00:00.500", "2024-01-01 00:00:00.000", ""],
        "mixed": ["True", "x", "2.5"],
        "sparse": ["0.0", "", "1.5"],
        "bins": ["1.0", "", "2.5"],
        "fiscal": ["2023-04-01", "2023-07-01", ""],
    }


def test_marks_are_in_doubt_in_texts_only() -> None:
    frame = pd.DataFrame({"ds": DAYS, "a": Y, "b": [f"{k},5" for k in range(COUNT)]})
    panel = read_csv(frame, ReadOptions(wide=True)).panel
    assert panel.y.tolist() == [*Y, *(k + 0.5 for k in range(COUNT))]
    assert panel.plan.numbers.decimal == ","
    assert read_csv(frame[["ds", "a"]], ReadOptions(decimal=",")).panel.y.tolist() == Y.tolist()


@pytest.mark.parametrize("text", ["ds;y\n{days},5\n", "ds;y\n{days},5 kg\n", "ds;a;b\n{days},5;7,25\n"])
def test_a_model_of_decimal_commas_takes_a_frame_of_numbers(csv: Any, text: str) -> None:
    head, row = text.splitlines()
    lines = [row.format(days=f"{day:%Y-%m-%d};{k}") for k, day in enumerate(DAYS)]
    wide = "a;b" in text
    plan = read_csv(csv("\n".join([head, *lines, ""])), ReadOptions(wide=wide)).panel.plan
    assert plan.numbers.decimal == ","
    later = pd.date_range("2024-05-01", periods=3)
    frame = pd.DataFrame({"a": [1.5, 2, 3], "b": [7.0, 8, 9.125]} if wide else {"y": [1.5, 2, 3.125]}, index=later)
    panel = read_like(frame, plan).panel
    assert panel.y.tolist() == ([1.5, 2, 3, 7, 8, 9.125] if wide else [1.5, 2, 3.125])
    assert panel.plan.numbers == plan.numbers


def test_a_column_of_stamps_that_are_all_missing_is_blank() -> None:
    frame = pd.DataFrame({"ds": DAYS, "y": range(len(DAYS)), "closed": pd.Series(pd.NaT, range(len(DAYS)))})
    assert table_of_frame(frame, Limits()).column("closed") == [""] * len(DAYS)


def test_what_was_fitted_with_larger_limits_is_read_again() -> None:
    wide = pd.DataFrame({f"s{k}": range(30) for k in range(2_100)}, index=pd.date_range("2024-01-01", periods=30))
    plan = read_csv(wide, ReadOptions(wide=True, max_columns=5_000)).panel.plan
    assert len(read_like(wide, plan).panel) == 2_100


def test_later_data_and_future_covariates_come_as_frames_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"shop": np.repeat(["a", "b"], 30), "ds": np.tile(DAYS[:30], 2), "y": Y, "price": Y + 1})
    plan = read_csv(frame, ReadOptions(target="y", id=("shop",), known=("price",))).panel.plan
    path = tmp_path / "later.csv"
    later = frame.assign(ds=frame["ds"] + pd.Timedelta(days=30))
    later.to_csv(path, index=False)
    assert_same(read_like(later, plan), read_like(str(path), plan))
    assert_same(read_like(later.set_index(["shop", "ds"]), plan), read_like(path, plan))
    a, b = read_future(later.drop(columns="y"), plan), read_future(path, plan)
    assert a.rows == b.rows
    assert a.x.tobytes() == b.x.tobytes()


@pytest.mark.parametrize(
    ("frame", "code", "said"),
    [
        (pd.DataFrame([[1, 2]], columns=["y", "y"]), "GF-D12", 'column "y"'),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "GF-D12", 'column "1"'),
        (pd.DataFrame([[1, 2]], columns=["y", " y"]), "GF-D12", 'column "y"'),
        (pd.DataFrame({"ds": DAYS, "y": Y}, index=DAYS.rename("ds")), "GF-D12", 'column "ds"'),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "GF-D76", "'_'.join"),
        (pd.DataFrame([[1]], columns=DAYS[:1]), "GF-D76", "frame.T"),
        (pd.DataFrame([[1]], columns=[None]), "GF-D76", "frame.T"),
        (pd.DataFrame({"y": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "GF-D76", "frame.index.names"),
        (pd.DataFrame({"y": [1], "t": [[1, 2]]}), "GF-D77", "'t'"),
        (pd.DataFrame({"t": ["x", {"a": 1}]}), "GF-D77", "row 1"),
        (pd.DataFrame({"t": [b"x"]}), "GF-D77", "bytes"),
        (pd.DataFrame({"t": [1j]}), "GF-D77", "complex"),
        (pd.DataFrame({"t": pd.Series(["\ud800"], dtype=object)}), "GF-D77", "ud800"),
        (pd.DataFrame({"t": ["a\0"]}), "GF-D77", "x00"),
        (pd.DataFrame({"t": ["a", "b"], "z": pd.to_timedelta([None, 1], unit="D")}), "GF-D77", "dt.total_seconds()"),
        (pd.DataFrame({"z": pd.Series([np.timedelta64(1, "D")], dtype=object)}), "GF-D77", "dt.total_seconds()"),
        (pd.DataFrame({"z": typed("arrow int", [1]).map(lambda _: dt.timedelta(1))}), "GF-D77", "total_seconds"),
        (pd.DataFrame({"z": pd.cut(pd.Series([1.0, 2.0]), 2)}), "GF-D77", "Interval"),
        (pd.DataFrame(), "GF-D02", "no rows"),
        (pd.DataFrame({"ds": [], "y": []}), "GF-D02", "no rows"),
        (pd.DataFrame(index=range(3)), "GF-D02", "no columns"),
        (pd.DataFrame(index=DAYS), "GF-D16", "no column holds numbers"),
        (pd.DataFrame({"y": [None, np.nan]}), "GF-D02", "no rows with values"),
        (pd.DataFrame({"ds": DAYS, "y": None}), "GF-D33", "every value is missing"),
        (pd.DataFrame({"ds": DAYS, "y": [np.inf, *Y[1:]]}), "GF-D30", "row 0"),
        (pd.DataFrame({"ds": DAYS, "y": [*Y[:-1], 1e31]}), "GF-D32", "row 59"),
        (pd.DataFrame({"ds": HOURS + pd.Timedelta("1ms"), "y": Y}), "GF-D20", 'row 0, column "ds"'),
        (pd.DataFrame({"ds": [*DAYS[:5], pd.NaT, *DAYS[6:]], "y": Y}), "GF-D20", "row 5"),
        (pd.DataFrame({"ds": [DAYS[0], *DAYS[:-1]], "y": Y}), "GF-D35", "row 1"),
        (pd.DataFrame({str(year): [1.0] for year in range(2000, 2010)}), "GF-D15", "years stand as columns"),
        ([1, 2, 3], "GF-U87", "list is neither"),
        (pa.chunked_array([[1, 2]]), "GF-U87", "ChunkedArray"),
        (np.arange(3), "GF-U87", "Pass a path or a data frame"),
        (None, "GF-U87", "NoneType"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(frame: Any, code: str, said: str) -> None:
    with pytest.raises((DataError, UsageError)) as caught:
        read_csv(frame)
    assert caught.value.code == code
    assert said in str(caught.value)
    assert isinstance(caught.value, UsageError) or caught.value.file == "data frame"


def test_an_error_names_position_and_label() -> None:
    words = [*Y[:-2].astype(str), "x", "2"]
    frame = pd.DataFrame({"ds": DAYS, "y": words}, index=[f"r{k}" for k in range(COUNT)])
    with pytest.raises(DataError, match=r'^data frame row 58 \(r58\), column "y": \'x\' is not a number') as caught:
        read_csv(frame)
    assert caught.value.line == 58
    with pytest.raises(DataError, match=r"^data frame row 58, column"):
        read_csv(frame.reset_index(drop=True))
    with pytest.raises(DataError, match=r"^data frame row 58 \(2024-02-28 00:00:00\), column"):
        read_csv(frame.set_index("ds"))
    plan = read_csv(pd.DataFrame({"ds": DAYS, "y": Y})).panel.plan
    with pytest.raises(DataError, match=r"row 58 \(r58\).* The model was fitted on data with"):
        read_like(frame, plan)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"rows": 59}, "60 rows"),
        ({"columns": 2}, "3 columns"),
        ({"field": 4}, "too long"),
        ({"bytes": 200}, "too long"),
    ],
)
def test_frames_have_the_limits_of_files(limits: dict[str, int], said: str) -> None:
    frame = pd.DataFrame({"ds": DAYS, "y": Y, "word": ["lorem"] * COUNT})
    with pytest.raises(DataError, match=said) as caught:
        read_table(frame, Layout(limits=Limits(**limits)))
    assert caught.value.code == "GF-D53"
    assert len(read_table(frame, Layout(limits=Limits(rows=60, columns=3, field=30)))) == COUNT


def test_a_column_that_pandas_calls_unnamed_is_left_out_where_it_numbers_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    pd.DataFrame({"ds": DAYS, "y": np.arange(COUNT) / 4}).to_csv(path)
    frame = pd.read_csv(path)
    assert frame.columns[0] == "Unnamed: 0"
    assert_same(read_csv(frame), read_csv(str(path)))
    assert "numbers the rows" in read_csv(frame).warnings[0]
    with pytest.raises(DataError, match=r"2 columns could be the target: 'Unnamed: 0', 'b'"):
        read_csv(frame.rename(columns={"y": "b"}).assign(**{"Unnamed: 0": Y}))


def test_an_index_beside_a_column_of_its_name_is_left_out_and_said() -> None:
    frame = pd.DataFrame({"ds": DAYS, "y": Y})
    reading = read_csv(frame.set_axis(HOURS))
    assert_same(reading, read_csv(frame))
    assert reading.warnings == ["the index has no name and there is a column 'ds': the index is left out"]


def test_a_column_called_0_is_a_target() -> None:
    frame = pd.Series(Y, index=DAYS).reset_index()
    assert list(frame.columns) == ["index", 0]
    assert read_csv(frame).panel.y.tolist() == Y.tolist()


def _stream(frame: pd.DataFrame) -> tuple[Any, list[Any]]:
    """Return what can be read once."""
    table = pa.Table.from_pandas(frame)
    return table.schema, table.to_batches()


@pytest.mark.parametrize("make", [pa.Table.from_pandas, pa.RecordBatch.from_pandas])
def test_tables_of_other_libraries_are_read_through_arrow(make: Callable[[pd.DataFrame], Any]) -> None:
    frame = pd.DataFrame({"store": np.tile([7, 12], 30), "ds": np.repeat(DAYS[:30], 2), "y": HOLES})
    assert_same(read_csv(make(frame)), read_csv(frame))
    frame["store"] = frame["store"].astype("Int64").where(frame.index != 4)
    with pytest.raises(DataError, match="row 4, column"):
        read_csv(make(frame))
    with pytest.raises(DataError, match="row 4, column"):
        read_csv(pa.RecordBatchReader.from_batches(*_stream(frame)))


def test_integers_of_other_libraries_stay_integers_beside_missing_ones() -> None:
    assert table_of_frame(pa.table({"k": [7, None], "y": [1.5, 2.0]}), Limits()).columns["k"] == ["7", ""]


def test_tables_of_other_libraries_need_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"y": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ResourceError, match="pyarrow") as caught:
        read_csv(table)
    assert caught.value.code == "GF-E05"


def test_a_frame_is_not_changed() -> None:
    frame = pd.DataFrame({"ds": AUTUMN, "y": HOLES, "c": COLOURS})
    before = frame.copy(deep=True)
    read_csv(frame, ReadOptions(past=("c",)))
    pd.testing.assert_frame_equal(frame, before)


def test_a_file_is_read_without_pandas(csv: Any) -> None:
    path = csv("ds,y\n2024-01-01,1\n2024-01-02,2\n")
    code = f"import sys; from gruforecast.data.read import read_csv; read_csv({path!r}); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
