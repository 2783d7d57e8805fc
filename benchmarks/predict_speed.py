#!/usr/bin/env python3
"""How long `predict` takes from a cold start, beside `import tensorflow`, and how many series it forecasts a second.

    python benchmarks/predict_speed.py [MODEL ...] [--runs 7] [--series 100000] [--json]

Each MODEL is a folder that `fit` has written. Cold starts of `gruforecast predict MODEL -o FILE` and of
`python -c "import tensorflow"` take turns in processes of their own, so both meet the same neighbours; shown is the
best of each. Memory is the largest resident set of the process. The mass forecast is made of hourly series of 336 rows
by one GRU of 2 layers and 128 units that reads them in segments of 24 rows and gives 48 steps with two intervals; its
weights are random, which costs the same. What the panel takes before the first forecast is told apart from what comes
on top.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HEAVY = ("tensorflow", "keras", "pandas", "scipy", "sklearn", "pyarrow")
LOADED = """
import sys
from gruforecast.cli import main
sys.argv = ["gruforecast", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted(set(sys.modules) & {names}))
"""
ROWS, HORIZON = 336, 48
MASS = ("arrays", "csv")


def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds of wall clock and of processor, and MB of memory, that a process takes."""
    begin = time.perf_counter()
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)],
    )
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return wall, usage.ru_utime + usage.ru_stime, _megabytes(usage.ru_maxrss)


def cold_start(model: str, runs: int) -> dict[str, Any]:
    """The best of several starts of `predict` and of the import of TensorFlow, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/forecast.csv"
        predict = [sys.executable, "-m", "gruforecast", "predict", model, "-o", file]
        pairs = [(timed(predict), timed([sys.executable, "-c", "import tensorflow"])) for _ in range(runs)]
        rows = len(Path(file).read_text().splitlines()) - 1
        command = [sys.executable, "-c", LOADED.format(names=set(HEAVY)), "predict", model, "-o", file]
        loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    own, other = ([min(column) for column in zip(*side, strict=True)] for side in zip(*pairs, strict=True))
    return {
        "model": Path(model).name,
        "forecasts": rows,
        "seconds": own[0],
        "processor_seconds": own[1],
        "megabytes": own[2],
        "tensorflow_seconds": other[0],
        "share": own[0] / other[0],
        "heavy_modules": loaded,
    }


def mass(series: int, how: str) -> dict[str, Any]:
    """Forecast so many series in this process, and perhaps write them as CSV; figures of it."""
    from gruforecast.report.files.table import write_csv

    forecaster, panel = _forecaster_and_panel(series)
    before = _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    begin, processor = time.perf_counter(), time.process_time()
    if how == "csv":
        with tempfile.TemporaryFile() as file:
            write_csv(file, (block.columns() for block in forecaster.stream(panel)))
    else:
        for _ in forecaster.stream(panel):
            pass
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    return {
        "series": series,
        "how": how,
        "seconds": wall,
        "series_per_second": series / wall,
        "series_per_processor_second": series / processor,
        "megabytes_of_panel": before,
        "megabytes_on_top": _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) - before,
    }


def _forecaster_and_panel(series: int) -> tuple[Any, Any]:
    import numpy as np

    from gruforecast.data.calendar.frequency import Frequency
    from gruforecast.data.formats.time_columns import TimeForm
    from gruforecast.data.formats.timestamp_formats import StampForm
    from gruforecast.data.panel import Panel
    from gruforecast.data.plan import Names, Plan
    from gruforecast.models.conformal import Calibration
    from gruforecast.models.end_forecasts import EndForecasts
    from gruforecast.models.forecaster import Forecaster
    from gruforecast.models.networks.config import NetworkConfig
    from gruforecast.models.networks.covariates import Scaling
    from gruforecast.models.networks.inference import Network, weight_shapes

    config = NetworkConfig(
        horizon=HORIZON,
        lookback=ROWS,
        season_length=24,
        layers=2,
        units=128,
        segment=24,
        decoder="parallel",
        log_unit=0.1,
        step_days=1 / 24,
        periods=(1.0, 7.0),
        calendar=True,
    )
    generator = np.random.default_rng(0)
    shapes = weight_shapes(config).items()
    weights = {name: (0.1 * generator.normal(size=shape)).astype(np.float32) for name, shape in shapes}
    network = Network("gru", config, weights)
    form = TimeForm(StampForm("ymd", clock="minute"))
    plan = Plan(Names(("ds",), "y", ("unique_id",)), Frequency("s", 3600), form)
    stamps = np.datetime64("2024-01-01", "s") + 3600 * np.arange(ROWS)
    panel = Panel(
        ids=tuple((f"s{k}",) for k in range(series)),
        indptr=np.arange(series + 1) * ROWS,
        ds=np.tile(stamps, series),
        y=100 + 10 * generator.random(series * ROWS),
        plan=plan,
    )
    forecaster = Forecaster(
        networks=(network,),
        blend={},
        winner="networks",
        calibrations={"networks": Calibration((80.0, 95.0), np.ones((HORIZON, 2)), trust=0.5)},
        plan=plan,
        context=panel.part(0, 1),
        ends=EndForecasts({}),
        scaling=Scaling(np.zeros(0), np.zeros(0)),
    )
    return forecaster, panel


def _megabytes(resident: int) -> float:
    return resident / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def main() -> None:
    """Measure and print tables or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--series", type=int, default=100_000, help="0 for no mass forecast")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--mass", choices=MASS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.mass:
        print(json.dumps(mass(args.series, args.mass)))
        return
    cold = [cold_start(model, args.runs) for model in args.models]
    many = []
    for series in (args.series // 10, args.series) if args.series else ():
        for how in MASS:
            command = [sys.executable, __file__, "--series", str(series), "--mass", how]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this very file
            many.append(json.loads(done.stdout))
    print(json.dumps({"cold_start": cold, "mass": many}) if args.json else _tables(cold, many))


def _tables(cold: list[dict[str, Any]], many: list[dict[str, Any]]) -> str:
    lines = []
    if cold:
        lines += ["| model | forecasts | wall | processor | memory | `import tensorflow` | share of it | loaded |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
    for one in cold:
        cells = [one["model"], f"{one['forecasts']:,}", f"{one['seconds']:.2f} s", f"{one['processor_seconds']:.2f} s"]
        cells += [f"{one['megabytes']:.0f} MB", f"{one['tensorflow_seconds']:.2f} s", f"{one['share']:.2f}"]
        lines.append(f"| {' | '.join([*cells, ', '.join(one['heavy_modules']) or 'none of the heavy ones'])} |")
    if many:
        lines += ["", "| series | what | seconds | series/s | series/s of one core | panel | on top |"]
        lines += ["|---|---|---|---|---|---|---|"]
    for one in many:
        cells = [f"{one['series']:,}", {"arrays": "forecasts", "csv": "forecasts as CSV"}[one["how"]]]
        cells += [f"{one['seconds']:.1f}", f"{one['series_per_second']:,.0f}"]
        cells += [f"{one['series_per_processor_second']:,.0f}"]
        cells += [f"{one[name]:.0f} MB" for name in ("megabytes_of_panel", "megabytes_on_top")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
