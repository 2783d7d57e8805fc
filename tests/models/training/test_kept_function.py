"""A program that was kept gives the same weights to the bit, and one that cannot be run costs nothing but time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from makers import ROOT
from msgspec.structs import replace

from gruforecast.execution.program_cache import entries, kept_programs, read_entry, write_entry

pytestmark = pytest.mark.network

# trains networks in the order given, prints digests, and which functions were traced here
TRAIN = """
import json, sys
import numpy as np
from gruforecast.data.windows import History
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import digest_of
from gruforecast.models.training import kept_function
from gruforecast.models.training.train import Schedule, train

traced, trace = [], kept_function.KeptFunction._traced
def noted(self, key, arguments):
    traced.append(key)
    return trace(self, key, arguments)
kept_function.KeptFunction._traced = noted
digests = {}
rows = int(sys.argv[2])
y = np.abs(10 + 3 * np.sin(np.arange(rows) / 3) + np.random.default_rng(0).normal(size=rows))
for cell in sys.argv[1].split(","):
    config = NetworkConfig(4, 12, 4, cell, units=8, layers=2, dropout=0.2, step_days=30 + rows / 100)
    training = TrainingConfig(steps=50, batch_size=16, seed=3)
    history = History.of(y, np.array([0, rows]))
    digests[cell] = digest_of(train(config, training, history, np.array([90]), Schedule()).weights)
print(json.dumps({"digests": digests, "traced": len(traced)}))
"""


def trained(run_dir: Path, cells: str, rows: int = 100, *, cache: bool = True) -> dict[str, Any]:
    """What training in a process of a run gives."""
    run_dir.mkdir(exist_ok=True)
    with kept_programs(run_dir, wanted=cache) as variables:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | variables
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, cells, str(rows)],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("cold")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRUFORECAST_CACHE", str(folder))
        return trained(folder / "run", "gru,rnn") | {"cache": folder}


@pytest.fixture
def shared(cold: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRUFORECAST_CACHE", str(cold["cache"]))
    return Path(cold["cache"]) / "programs"


def test_cold_warm_and_without_give_the_same_weights(cold: dict[str, Any], shared: Path, tmp_path: Path) -> None:
    assert cold["traced"] == 2
    assert len(entries(shared)) == 2
    other = trained(tmp_path / "run", "rnn,gru", rows=120)  # other data of that season, in another order
    assert other == {"digests": cold["digests"], "traced": 0}
    assert trained(tmp_path / "run", "gru", cache=False)["digests"] == {"gru": cold["digests"]["gru"]}


@pytest.mark.parametrize("what", ["compiled", "graph", "captured"])
def test_what_tensorflow_does_not_take_is_run_once_more_without(
    cold: dict[str, Any], shared: Path, tmp_path: Path, what: str
) -> None:
    """Whole by its digest, but the code, the definition or the names of variables are none."""
    place = tmp_path / "cache" / "programs"
    place.mkdir(0o700, parents=True)
    for _, _, path in entries(shared):
        program = read_entry(shared, path.name)
        assert program is not None
        broken: Any = {
            "compiled": dict.fromkeys(program.compiled, b"no protocol buffer"),
            "graph": program.graph[:-100],
            "captured": ["nothing"],
        }
        write_entry(place, path.name, replace(program, **{what: broken[what]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRUFORECAST_CACHE", str(tmp_path / "cache"))
        found = trained(tmp_path / "run", "gru")
    assert found["digests"] == {"gru": cold["digests"]["gru"]}
