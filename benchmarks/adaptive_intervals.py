#!/usr/bin/env python3
"""Rules for intervals that adapt, compared on the bank of `single_files.py`.

    python benchmarks/adaptive_intervals.py errors --bank BANK --out ERRORS
    python benchmarks/adaptive_intervals.py rules --out ERRORS

`errors` keeps, for every file and member, forecasts and half-widths at every origin behind the training rows (members
that are fitted anew for each: at the later cutoffs only). `rules` reads them, so that a rule takes a second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

MEMBERS = ("winner", "networks", "blend")
LEVELS = (80.0, 95.0)


def collect(folder: Path, target: Path) -> None:
    """Write what the members of one model forecast at its origins, beside what happened."""
    from gruforecast.artifact.folder import load
    from gruforecast.artifact.manifest import seal
    from gruforecast.data.read import read_like
    from gruforecast.data.windows import History, Windows, gather_future
    from gruforecast.evaluation.calibration import calibrate, nonconformity
    from gruforecast.evaluation.splits import Split
    from gruforecast.models.quantile_forecast import QuantileForecast
    from gruforecast.data.scale import mase_scale
    from gruforecast.models.ensemble import Once, blend_of, parts_of
    from gruforecast.models.registry import model_of
    from gruforecast.models.statistical import STATISTICAL

    facts = json.loads((folder / "facts.json").read_text())
    bank = np.load(folder / "arrays.npz")
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        shutil.copytree(folder / "model", model)
        seal(model)
        own = load(model)
    panel = read_like(str(folder / "whole.csv"), own.plan).panel
    history = History.of(panel.y, panel.indptr, panel.wall, own.scaling(panel.x))
    cutoff = bank["later-end"].reshape(5, -1)  # (cutoffs, n_series)
    first = cutoff[0]
    series = np.repeat(np.arange(len(panel)), cutoff[4] - first + 1)
    ends = np.concatenate([np.arange(a, b + 1) for a, b in zip(first, cutoff[4], strict=True)])
    windows = history.windows(series, ends)
    back = (cutoff[4][series] - ends) % facts["step"] == 0
    names = list(dict.fromkeys([facts["winner"], *("networks", "blend"), "gru", "naive", "seasonal-naive"]))
    names = [one for one in names if one in own.calibrations]
    split = Split(
        History.of(bank["values"], bank["indptr"], bank["days"].astype("int64").astype("datetime64[D]")),
        own.horizon,
        own.season_length,
        bank["test"],
        bank["folds"],
        facts["held"],
    )
    arrays = {
        "series": series,
        "end": ends,
        "first": first,
        "cutoff": cutoff,
        "lookback": max(n.config.lookback for n in own.networks),
        "actual": gather_future(history.values, windows, own.horizon),
        "scale": mase_scale(history, windows, own.season_length),
        "log": windows.use_log,
        "rows": windows.end - windows.start,
    }
    for name in names:
        slow = any(one in STATISTICAL for one in own.weights_of(name))
        use = np.flatnonzero(back) if slow else np.arange(len(windows))
        parts = parts_of(own.networks, {one: model_of(one) for one in own.others_in(name)}, Once)
        part = windows[use]
        forecast = blend_of(own.weights_of(name), parts).forecast(history, part, own.horizon, own.season_length)
        calibration = own.calibrations[name]
        shape = forecast.shape(calibration.levels, arrays["scale"][use], calibration.trust)
        full = np.full((len(windows), own.horizon), np.nan)
        full[use] = forecast.mean
        arrays[f"mean/{name}"] = full
        full = np.full((len(windows), own.horizon, *shape.shape[2:]), np.nan)
        full[use] = shape
        arrays[f"shape/{name}"] = full
        arrays[f"factor/{name}"] = calibration.factor
        if f"origins/{name}" in bank:
            known = f"origins-quantiles/{name}" in bank
            forecast = QuantileForecast(bank[f"origins/{name}"], bank[f"origins-quantiles/{name}"] if known else None)
            places = split.calibration_windows()
        elif f"folds/{name}" not in bank:
            continue
        else:
            forecast = QuantileForecast(bank[f"folds/{name}"])
            places = Windows(
                *(
                    np.concatenate([getattr(one, part) for one in split.fold_windows()])
                    for part in ("series", "start", "end", "stop", "use_log")
                )
            )
        scores = nonconformity(
            forecast, split.actual(places), calibration.levels, split.mase_scale(places), calibration.trust
        )
        arrays[f"cal/{name}"], arrays[f"cal-end/{name}"], arrays[f"cal-series/{name}"] = (
            scores,
            places.end,
            places.series,
        )
        again = calibrate(scores, calibration.levels, calibration.trust).factor
        if not np.allclose(again, calibration.factor, rtol=1e-3):
            print(folder.name, name, "calibration differs", np.abs(again / calibration.factor - 1).max())
    np.savez_compressed(target, **arrays)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("errors", "rules"))
    parser.add_argument("--bank", type=Path)
    parser.add_argument("--out", type=Path, default=Path("errors"))
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    if args.command == "errors":
        for facts in sorted(args.bank.glob("*/facts.json")):
            target = args.out / f"{facts.parent.name}.npz"
            if not target.exists():
                collect(facts.parent, target)
                print(facts.parent.name, flush=True)


if __name__ == "__main__":
    main()
