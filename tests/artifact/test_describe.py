"""`show` says what a model folder is, truly, and never more than it has checked."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import watched
from made_networks import MEMBERS, make_forecaster, make_forecaster_with_pretrained
from makers import panel_of
from msgspec import structs
from typer.testing import CliRunner

from gruforecast.artifact.describe import describe
from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, SignatureRecord, Table, TensorRecord, seal
from gruforecast.cli import app
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.plan import Covariate
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, weight_shapes
from gruforecast.models.registry import NETWORKS
from gruforecast.serialization import plain

SCORES: dict[str, Table] = {
    "networks": {"mase": 0.9876, "val_mase": 0.5, "coverage": {"80": 75.0}},
    "naive": {"mase": None},
}
Y = TensorRecord("y", "float64", "(batch, time)", "the target")
Y_HAT = TensorRecord("y_hat", "float64", "(batch, 6)")
FACTS = FitFacts(
    trials=7,
    audit="cheap",
    verdict="The GRU ensemble was chosen.",
    scores=SCORES,
    parity=3e-8,
    versions={"gruforecast": "0.1.0", "python": "3.11.7"},
    data={"digest": "ab" * 32},
    saved_model=SignatureRecord("serving_default", [Y], [Y_HAT], [0.5], 6, 24),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    generator = np.random.default_rng(1)
    save(make_forecaster(panel_of(5 + generator.random(60), generator.normal(size=40))), made)
    (made / "report.json").write_text("{}")
    seal(made, FACTS)
    return made


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["show", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_card_has_everything_in_80_columns(folder: Path) -> None:
    text = shown(str(folder), "-v")
    assert max(map(len, text.splitlines()[1:])) <= 80
    words = " ".join(text.split())
    for part in (
        "format 1",
        "2: s0, s1",
        "time ds; target y; id unique_id",
        "M, 6 ahead, season of 12 rows",
        "2003-04-01 to 2004-12-01",
        "winner networks",
        "networks: MASE 0.988, MASE on the folds 0.500",
        "The GRU ensemble was chosen.",
        "50 % networks, 50 % theta",
        "80 %, 95 % calibrated",
        "gru-2 GRU 1 4 36 1 direct 498 25 %",
        "6 digests verified",
        "gruforecast 0.1.0 (python 3.11.7)",
        "ab" * 32,
        "7 trials, leak audit cheap",
        "3.0e-08",
        "float64 (batch, time)",
        f"weights.npz {(folder / 'weights.npz').stat().st_size:,}",
    ):
        assert part in words, part


def test_json_has_the_same_and_nothing_else_is_printed(folder: Path) -> None:
    facts = json.loads(shown(str(folder), "--json"))
    assert facts == plain(describe(folder))
    assert facts["networks"][1]["parameters"] == 498
    assert facts["files"]["weights.npz"] == (folder / "weights.npz").stat().st_size
    assert sum(facts["files"].values()) == sum(path.stat().st_size for path in folder.iterdir())
    assert (facts["scores"], facts["trials"]) == (SCORES, 7)
    assert not {"evidence", "chosen", "fingerprint", "cut_at"} & set(facts)  # what is not known is left out
    assert shown(str(folder), "-q") == ""


def test_parameters_are_counted_as_by_hand() -> None:
    """One GRU of 4 units over 4 channels, a lookback of 24 with a season of 12, a horizon of 6."""
    gru = 4 * 12 + 4 * 12 + 2 * 12
    head = (4 + 12) * 8 + 8 + 8 * 6 + 6
    spread = (4 + 12) * 4 + 4 + 4 * 6 * 4 + 6 * 4
    config = NetworkConfig(horizon=6, lookback=24, season_length=12, units=4)
    assert sum(int(np.prod(shape)) for shape in weight_shapes(config).values()) == gru + head + spread == 498


def test_a_folder_with_nothing_but_the_needed_is_shown(tmp_path: Path) -> None:
    save(make_forecaster(panel_of(np.arange(60.0))), tmp_path)
    seal(tmp_path)
    text = shown(str(tmp_path))
    assert "verdict" not in text
    assert "parity" not in text


def test_the_signature_of_the_export_is_shown(tmp_path: Path) -> None:
    save(make_forecaster(panel_of(np.arange(60.0))), tmp_path)
    known = [TensorRecord(f"known_{k}", "float64", "(batch, time + 6)") for k in range(20)]
    seal(tmp_path, FitFacts(saved_model=SignatureRecord("serving_default", [Y, *known], [Y_HAT], [0.5], 6, 24, 1e-7)))
    words = " ".join(shown(str(tmp_path)).split())
    assert "SavedModel takes y float64 (batch, time); known_0 float64 (batch, time + 6);" in words
    assert "and 9 more" in words
    assert "SavedModel gives y_hat float64 (batch, 6)" in words


def test_what_is_no_model_is_exit_4(tmp_path: Path) -> None:
    for arguments in (["show", str(tmp_path)], ["show", str(tmp_path / "nothing")], ["show", str(tmp_path), "--json"]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 4
        assert "error[GF-M0" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "GF-M02"


def test_without_an_argument_it_is_the_model_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    folder.rename("gruforecast_model")
    assert "gruforecast_model  format 1" in shown()


def big(n: int, horizon: int, columns: int = 0, **config: Any) -> Forecaster:
    """A model of any size, of `n` series, with columns that are known in the past only."""
    inputs = ("past",) * columns
    config = {"lookback": 48, "units": 8, "season_length": 24, **config}
    whole = NetworkConfig(horizon=horizon, inputs=inputs, use_inputs="all" if inputs else "none", **config)
    generator = np.random.default_rng(0)
    weights = {
        name: (0.1 * generator.normal(size=shape)).astype(np.float32) for name, shape in weight_shapes(whole).items()
    }
    networks = (Network("gru", whole, weights),)
    panel = panel_of(*[generator.random(60)] * n, freq=Frequency("s", 3600))
    plan = structs.replace(panel.plan, covariates=tuple(Covariate(f"x{k}", "past") for k in range(columns)))
    panel = dataclasses.replace(panel, plan=plan, x=generator.random((len(panel.y), columns)))
    calibration = Calibration((80.0, 95.0), np.ones((horizon, 2)))
    return Forecaster(
        networks=networks,
        blend={NETWORKS: 0.5, "theta": 0.5},
        winner="blend",
        calibrations=dict.fromkeys([name for name in MEMBERS if name != "gru-2"], calibration),
        plan=plan,
        context=panel,
        ends=EndForecasts.of(panel, ["theta", "naive"], (networks[0].config.horizon, networks[0].config.season_length)),
        scaling=Scaling(np.zeros(columns), np.ones(columns)),
    )


SIZES: dict[str, dict[str, Any]] = {
    "one series": {"n": 1, "horizon": 12},
    "many series": {"n": 1500, "horizon": 48},
    "large network": {"n": 100, "horizon": 48, "units": 128, "layers": 2, "lookback": 168},
    "long window": {"n": 2, "horizon": 12, "lookback": 20_000, "units": 64},
    "long horizon": {"n": 20, "horizon": 5000, "decoder": "parallel", "lookback": 96, "segment": 24, "units": 32},
    "columns": {"n": 400, "horizon": 24, "lookback": 168, "columns": 40},
    "many segments": {"n": 400, "horizon": 168, "decoder": "sequence", "segment": 4, "units": 64},
}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_predict_takes_no_more_memory_than_is_shown(tmp_path: Path, size: dict[str, Any]) -> None:
    save(big(**size), tmp_path)
    seal(tmp_path)
    most = describe(tmp_path).memory_bytes
    found = watched("predict", str(tmp_path), "--json").peak  # which takes more than CSV
    assert found <= most <= 4 * found, f"{found / 1e6:.0f} MB taken, {most / 1e6:.0f} MB shown"


def test_pretrained_members_are_listed_and_the_export_says_what_it_lacks(tmp_path: Path) -> None:
    own = make_forecaster_with_pretrained(panel_of(5 + np.random.default_rng(1).random(60)))
    save(own, tmp_path)
    seal(tmp_path, FACTS)
    facts = describe(tmp_path)
    assert [(one.name, one.share, one.units, one.lookback) for one in facts.pretrained] == [
        ("pretrained", 0.0, 8, 240),  # twenty seasons
        ("fine-tuned", 0.0, 8, 240),
    ]
    sizes = [array.size for array in own.pretrained[0].weights.values()]
    assert {one.parameters for one in facts.pretrained} == {sum(sizes)}
    assert facts.lacks == ["pretrained", "fine-tuned"]
    lines = [" ".join(line.split()) for line in CliRunner().invoke(app, ["show", str(tmp_path)]).stdout.splitlines()]
    exports = [line for line in lines if line.startswith("SavedModel")]
    assert exports[0].startswith("SavedModel holds the GRU networks, not the winner that predict runs: the blend")
    (row,) = (line for line in lines if line.startswith("fine-tuned GRU") and line.endswith("-"))
    assert row.endswith(f"{sum(sizes):,} -")


def test_where_the_networks_have_won_the_export_lacks_nothing(folder: Path) -> None:
    assert describe(folder).lacks == describe(folder).pretrained == []
    assert "SavedModel holds the winner, which predict runs: " in " ".join(
        CliRunner().invoke(app, ["show", str(folder)]).stdout.split()
    )
