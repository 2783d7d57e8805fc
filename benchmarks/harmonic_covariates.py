#!/usr/bin/env python3
"""What known covariates and holidays bring to harmonic regression, and that columns of noise do little harm.

    python benchmarks/harmonic_covariates.py --data PATH

Mean MASE over the last cutoffs of every series, a horizon apart, without and with the columns; nothing is trained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gruforecast.data.read import ReadOptions, read_csv
from gruforecast.data.scale import mase_scale
from gruforecast.data.windows import History
from gruforecast.evaluation.metrics import mase
from gruforecast.models.harmonic import Harmonic
from gruforecast.models.networks.covariates import Scaling

# file, columns or holidays, horizon, season, cutoffs
SETS = (
    ("energy/epf_5markets.csv", "exogenous1 exogenous2", 24, 24, 14),
    ("energy/vic_electricity_hourly_local_offset.csv", "temperature holiday", 24, 24, 60),
    ("energy/bike_sharing_hourly.csv", "holiday workingday temp hum windspeed weather", 24, 24, 60),
    ("retail/walmart_45stores_weekly.csv", "holiday_flag temperature fuel_price cpi unemployment", 8, 52, 5),
    ("retail/walmart_store1_7depts_weekly.csv", "isholiday temperature fuel_price", 8, 52, 6),
    ("weather/beijing_pm25_hourly_2013_2014.csv", "dewp temp pres wind_dir wind_speed_cum", 24, 24, 60),
    ("weather/seattle_newyork_daily.csv", "temp_min precipitation wind", 14, 365, 24),
    ("classic/us_births_daily_1969_1988.csv", "US", 28, 7, 24),
    ("classic/electricity_hourly_mean.csv", "PT", 48, 24, 24),
    ("classic/us_gasoline_weekly.csv", "US", 13, 52, 24),
    ("classic/retail_sales_us.csv", "US", 12, 12, 10),
)
NOISE = ((30, 1), (60, 12), (150, 7), (400, 7))  # rows and season of simulated series
SERIES, STEPS = 500, 8


def scores(file: Path, columns: str, horizon: int, season: int, cutoffs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the MASE of each window, without and with the columns."""
    holidays = columns.isupper()
    options = ReadOptions(holidays=columns) if holidays else ReadOptions(known=tuple(columns.split()))
    panel = read_csv(str(file), options).panel
    before = np.arange(len(panel.y)) < np.repeat(panel.indptr[1:] - horizon * cutoffs, panel.lengths)
    scaling = Scaling.of(panel.x, before, panel.plan.inputs)
    history = History.of(panel.y, panel.indptr, panel.wall, scaling(panel.x))
    ends = np.concatenate([panel.indptr[1:] - horizon * (k + 1) for k in range(cutoffs)])
    windows = history.windows(np.tile(np.arange(len(panel)), cutoffs), ends)
    actual, unit = panel.y[ends[:, None] + np.arange(horizon)], mase_scale(history, windows, season)
    forecasts = (Harmonic(kinds).forecast(history, windows, horizon, season).mean for kinds in ((), panel.plan.inputs))
    without, with_them = (mase(actual, forecast, unit) for forecast in forecasts)
    return without, with_them


def noise(rows: int, season: int, *, wander: bool) -> float:
    """Return MAE with four columns of noise over MAE without: two white, one that wanders, one flag."""
    generator = np.random.default_rng(rows + wander)
    shape = (SERIES, rows + STEPS)
    y = np.cumsum(generator.normal(size=shape), axis=1)
    if not wander:
        seasons = [np.resize(generator.normal(size=season), shape[1]) for _ in range(SERIES)]
        y = np.stack(seasons) + generator.normal(size=shape)
    walk = np.cumsum(generator.normal(size=shape), axis=1).ravel() / 5
    x = np.column_stack([generator.normal(size=(y.size, 2)), walk, generator.random(y.size) < 0.1]).astype(float)
    history = History.of(y.ravel(), np.arange(SERIES + 1) * shape[1], None, x)
    windows = history.windows(np.arange(SERIES), history.indptr[:-1] + rows)
    kinds = ("known", "known", "known", "known flag")
    found, plain = (Harmonic(one).forecast(history, windows, STEPS, season).mean for one in (kinds, ()))
    return float(np.abs(found - y[:, rows:]).mean() / np.abs(plain - y[:, rows:]).mean())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for file, columns, *numbers in SETS:
        without, with_them = scores(data / file, columns, *numbers)
        there = np.isfinite(without) & np.isfinite(with_them)
        same = np.mean(without[there] == with_them[there])
        without, with_them = without[there].mean(), with_them[there].mean()
        print(f"{file} ({columns}): {without:.3f} {with_them:.3f} {with_them / without - 1:+.1%}, as before {same:.0%}")
    for rows, season in NOISE:
        ratios = [noise(rows, season, wander=wander) for wander in (False, True)]
        print(f"noise beside {rows} rows: a season {ratios[0]:.4f}, random walks {ratios[1]:.4f}")


if __name__ == "__main__":
    main()
