"""Which column is forecast when nobody says, which is no id, and totals beside their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.data.checks import odd_values
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv
from gruforecast.data.totals import total_of
from gruforecast.errors import DataError

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(60)]
UP, WAVE = [str(100 + 3 * (k % 7)) for k in range(60)], [str(10 + k % 5) for k in range(60)]
PRICES, FLAGS = [("7.99", "9.99")[k % 6 > 0] for k in range(60)], [str(int(k % 6 == 0)) for k in range(60)]


def read(csv: Any, columns: dict[str, list[str]], **options: Any) -> Reading:
    rows = zip(*columns.values(), strict=True)
    return read_csv(csv("\n".join([",".join(columns), *map(",".join, rows)]) + "\n"), ReadOptions(**options))


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ("hourly_sales temperature", "hourly_sales"),  # row 38 of the wild cases
        ("temperature period_sales", "period_sales"),
        ("slotRevenue humidity", "slotRevenue"),
        ("hour sales", "sales"),
        ("settlement_period price", "price"),
        ("SettlementPeriod kwh", "kwh"),
        ("price exogenous1 exogenous2", "price"),
        ("sales price_lag other", "sales"),
        ("kwh_per_hour temperature", None),
        ("units_sold price promo", None),  # row 40
        ("price qty", None),
        ("close volume", None),
        ("interval_kwh temperature", None),
        ("load_forecast wind", None),
        ("units_sold something", None),
    ],
)
def test_the_target_is_found_by_all_columns_or_asked_for(csv: Any, columns: str, target: str | None) -> None:
    content = dict(zip(columns.split(), (UP, PRICES, FLAGS), strict=False))
    if target is not None:
        assert read(csv, {"date": DAYS, **content}).panel.plan.names.target == target
        return
    with pytest.raises(DataError) as caught:
        read(csv, {"date": DAYS, **content})
    assert caught.value.code == "GF-D16"
    for name in content:
        if name not in ("promo", "other"):
            assert repr(name) in caught.value.message


def test_a_price_beside_units_is_asked_about_in_a_panel_too(csv: Any) -> None:
    """Row 40, with a store."""
    columns = {"date": DAYS * 2, "store": ["a"] * 60 + ["b"] * 60, "units_sold": UP * 2, "price": PRICES * 2}
    with pytest.raises(DataError, match="2 columns could be the target"):
        read(csv, columns)
    assert read(csv, columns, target="units_sold").panel.plan.names.ids == ("store",)


@pytest.mark.parametrize("other", ["none", ""])
def test_a_name_that_comes_and_goes_is_no_id(csv: Any, other: str) -> None:
    """Row 41: the column says which holiday a day is."""
    names = [{0: "New Year", 31: "Easter"}.get(k, other) for k in range(60)]
    reading = read(csv, {"date": DAYS, "sales": UP, "name": names})
    assert (reading.panel.ids, reading.panel.plan.names.ids) == ((("series",),), ())
    assert [one for one in reading.warnings if "'name' is not used" in one and "`known='name'`" in one]
    assert read(csv, {"date": DAYS, "sales": UP, "name": names}, known=("name",)).panel.x.sum() >= 2


def test_series_that_follow_each_other_keep_their_names(csv: Any) -> None:
    columns = {"date": DAYS, "sales": UP, "store": ["a"] * 30 + ["b"] * 30}
    assert read(csv, columns).panel.ids == (("a",), ("b",))
    assert read(csv, columns | {"store": ["7"] * 60}).panel.ids == (("7",),)


def test_a_total_beside_its_parts_is_named(csv: Any) -> None:
    total = [str(int(a) + int(b)) for a, b in zip(UP, WAVE, strict=True)]
    columns = {"date": DAYS, "north": UP, "south": WAVE, "all": total}
    said = "'all' is the sum of 'north', 'south'"
    with pytest.raises(DataError) as caught:
        read(csv, columns)
    assert said in caught.value.message
    reading = read(csv, columns, wide=True)
    assert any(said in one.text for one in odd_values(reading.panel, reading.lines))
    levels = {
        str(options): next(
            one.level for one in read(csv, columns, target="all", **options).findings if said in one.text
        )
        for options in ({}, {"known": ("north",)}, {"past": ("north",)})
    }
    assert list(levels.values()) == ["info", "warning", "info"]
    usual = read(csv, {"date": DAYS, "north": UP, "south": WAVE, "sales": total})
    assert "'sales' is the sum of 'north', 'south'" in usual.warnings
    stacked = {"date": DAYS * 3, "region": ["n"] * 60 + ["s"] * 60 + ["t"] * 60, "y": UP + WAVE + total}
    reading = read(csv, stacked)
    assert any("'t' is the sum of 'n', 's'" in one.text for one in odd_values(reading.panel, reading.lines))


@given(st.integers(3, 7), st.integers(0, 1000))
def test_a_sum_is_found_wherever_it_stands_and_noise_is_none(columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(10, 3, (60, columns)).round(2)
    assert total_of(values) is None
    parts = sorted(rng.choice(columns, 2, replace=False).tolist())
    place = int(rng.integers(0, columns + 1))
    with_sum = np.insert(values, place, values[:, parts].sum(axis=1), axis=1)
    assert total_of(with_sum) == (place, [k + (k >= place) for k in parts])
    with_sum[7, place] += 1
    assert total_of(with_sum) is None
