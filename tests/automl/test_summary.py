"""What a report says in the model folder, and in short in its manifest."""

from __future__ import annotations

import numpy as np
from edited import edited, with_rows
from made_report import VALUES, made_report
from makers import panel_of

from gruforecast.automl.summary import in_short, without_places
from gruforecast.evaluation.leaderboard import Reference
from gruforecast.serialization import plain


def test_the_report_in_the_folder_has_names_and_no_places() -> None:
    made = made_report(ids=("/user/chosen/name",), trials=2)
    crashed, other = made.search
    crashed = edited(crashed, status="crashed", error="FileNotFoundError: no '/home/anna/x/y.npz' (a/b, 1/2)")
    places = edited(
        made,
        model_dir="/home/anna/models/sales",
        search=[crashed, other],
        warnings=["sales.csv: /tmp/z/log.txt is full, see https://example.org/a/b"],
    )
    assert without_places(places) == edited(
        made,
        model_dir="sales",
        search=[edited(crashed, error="FileNotFoundError: no 'y.npz' (a/b, 1/2)"), other],
        warnings=["sales.csv: log.txt is full, see https://example.org/a/b"],
    )


def test_the_manifest_says_in_short_what_won_and_with_which_data() -> None:
    made = made_report()
    paired = Reference("bootstrap", 0.5, 0.4, 0.3, 0.7, 0.01, "better", against="naive")
    row = edited(made.rows["naive"], mase=None)
    report = edited(with_rows(made, lambda one: row if one.model == "naive" else one), evidence=paired)
    panel = panel_of(np.arange(5.0))
    short = plain(in_short(report, panel))
    assert short["data"] == {
        "n_series": 1, "n_rows": 96, "freq": "M", "horizon": 12, "season_length": 12,
        "first": "2000-01-01T00:00:00", "last": "2000-05-01T00:00:00", "digest": panel.digest(),
    }  # fmt: skip
    assert short["chosen"] == {
        "number": 0, "layers": 1, "units": 32, "lookback": 24, "segment": 1, "decoder": "direct", "log": True,
        "calendar": False, "use_inputs": "none", "steps": 100, "parameters": 300,
    }  # fmt: skip
    assert VALUES.units == 32
    assert list(short["scores"]) == [report.winner, "naive"]
    assert short["scores"]["naive"]["mase"] is None
    assert short["scores"]["naive"]["coverage"] == row.coverage
    assert short["evidence"]["against"] == "naive"
    assert (short["verdict"], short["parity"], short["versions"]) == (report.verdict, 1e-7, report.versions)
    assert short["saved_model"]["horizon"] == 12
    assert list(in_short(edited(report, evidence=None), panel).scores) == [report.winner]
