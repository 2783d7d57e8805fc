"""The pretrained network as a member of a fitted model: asked, kept, loaded; always the same numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_networks import make_forecaster, make_forecaster_with_pretrained, make_pretrained
from makers import panel_of

from gruforecast.artifact.folder import load, save
from gruforecast.artifact.manifest import seal
from gruforecast.data.panel import Panel
from gruforecast.data.windows import History
from gruforecast.errors import ModelError
from gruforecast.evaluation.backtest import roll
from gruforecast.execution.atomic_files import npz, read_npz
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.pretrained import model as package
from gruforecast.models.pretrained.inference import weight_shapes
from gruforecast.models.registry import BLEND, PRETRAINED, TUNED

MEMBERS = (PRETRAINED, TUNED, BLEND)
SAME = {"rtol": 1e-9, "atol": 1e-8}  # of values about 20: networks of the ensemble compute in single precision


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(1)
    months = np.arange(130)
    season = 20 + 5 * np.sin(2 * np.pi * months / 12)
    return panel_of(
        season + generator.normal(size=130),
        season[:77] * np.exp(generator.normal(size=77)),
        generator.normal(size=60).cumsum(),  # below zero at times
        np.where(months[:90] % 7 == 3, np.nan, season[:90]),
        np.full(41, 3.0),
    )


@pytest.fixture
def own(panel: Panel) -> Forecaster:
    return make_forecaster_with_pretrained(panel)


@pytest.fixture
def folder(own: Forecaster, tmp_path: Path) -> Path:
    save(own, tmp_path)
    seal(tmp_path)
    return tmp_path


@pytest.mark.parametrize("member", MEMBERS)
def test_the_end_of_the_training_the_whole_panel_and_a_backtest_there_give_the_same(
    folder: Path, own: Forecaster, panel: Panel, member: str
) -> None:
    loaded = load(folder)
    first, whole = loaded.predict(member=member), loaded.predict(panel, member=member)
    single = [loaded.predict(panel, member=member, ids=["/".join(key)]) for key in panel.ids]
    for name in ("mean", "lower", "upper"):
        expected = getattr(own.predict(member=member), name)
        for found in (getattr(first, name), getattr(whole, name)):
            np.testing.assert_allclose(found, expected, **SAME)
        np.testing.assert_allclose(np.concatenate([getattr(one, name) for one in single]), expected, **SAME)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_backtest_gives_what_predict_gives_of_the_rows_before_its_cutoff(
    folder: Path, panel: Panel, member: str
) -> None:
    loaded = load(folder)
    rolling = roll(loaded, panel, windows=3, step=5, members=[member], adapt=False)
    blocks = list(rolling.blocks())
    windows = blocks[0].cutoffs.windows
    assert len(blocks) == 1
    assert len(windows) > len(panel)
    for k in range(len(windows)):
        series, end = int(windows.series[k]), int(windows.end[k])
        cut = panel.rows(panel.indptr[:-1], np.where(np.arange(len(panel)) == series, end, panel.indptr[1:]))
        expected = loaded.predict(cut, member=member)
        found = blocks[0].evaluated[member]
        for name in ("mean", "lower", "upper"):
            np.testing.assert_allclose(getattr(found, name)[k], getattr(expected, name)[series], **SAME)


@pytest.mark.parametrize("second", [None, 36])
def test_a_window_has_the_same_forecast_whatever_others_are_asked_with_it(panel: Panel, second: int | None) -> None:
    network = make_pretrained(TUNED, second, units=96)
    history = History.of(panel.y, panel.indptr)
    series = np.repeat(np.arange(5), 12)
    windows = history.windows(series, panel.indptr[series + 1] - np.tile(np.arange(12), 5))
    whole = network.forecast(history, windows, 6, 12).quantiles
    for size in (1, 2, 3, 7, 33):
        for first in range(0, 60, 11):
            part = network.forecast(history, windows[first : first + size], 6, 12).quantiles
            np.testing.assert_allclose(part, whole[first : first + size], rtol=1e-12)


def test_a_blend_is_the_weighted_mean_of_its_members(own: Forecaster, panel: Panel) -> None:
    parts = [own.predict(panel, member=name).mean for name in own.blend]
    np.testing.assert_allclose(own.predict(panel).mean, np.mean(parts, axis=0), rtol=1e-12)


def test_a_model_is_what_it_was_when_the_package_comes_with_other_weights(
    folder: Path, own: Forecaster, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = own.predict(panel, member=PRETRAINED).mean
    monkeypatch.setattr(package, "weights", lambda: pytest.fail("the weights of the package were read"))
    np.testing.assert_allclose(load(folder).predict(panel, member=PRETRAINED).mean, expected, **SAME)


def test_a_model_without_them_has_nothing_of_them(panel: Panel, tmp_path: Path) -> None:
    save(make_forecaster(panel), tmp_path)
    assert "pretrained" not in (tmp_path / "model.json").read_text()
    assert {name.split(".")[0] for name in read_npz(tmp_path / "weights.npz")} == {"0", "1"}


def test_it_sees_more_rows_than_the_networks(own: Forecaster, panel: Panel) -> None:
    assert own.lookback == package.window_rows(12, 36) > make_forecaster(panel).lookback


Arrays = dict[str, np.ndarray]


def _rewritten(folder: Path, name: str, change: Callable[[Arrays], None]) -> Path:
    arrays = read_npz(folder / name)
    change(arrays)
    (folder / name).write_bytes(npz(arrays))
    seal(folder)
    return folder


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("weights.npz", lambda arrays: arrays.pop("fine-tuned.head.bias")),
        ("weights.npz", lambda arrays: arrays.update({"fine-tuned.more": np.zeros(1, "f4")})),
        ("weights.npz", lambda arrays: arrays.update({"pretrained.head.bias": np.zeros(3, "f4")})),
        ("weights.npz", lambda arrays: arrays.update({"pretrained.row.bias": np.zeros(8)})),
        ("weights.npz", lambda arrays: arrays["pretrained.row.kernel"].fill(np.nan)),
        ("context.npz", lambda arrays: arrays.pop("quantiles.pretrained")),
        ("context.npz", lambda arrays: arrays["quantiles.fine-tuned"].fill(np.inf)),
        ("context.npz", lambda arrays: arrays.update({"quantiles.pretrained": np.zeros((5, 6, 3))})),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(folder: Path, file: str, change: Callable[[Arrays], None]) -> None:
    with pytest.raises(ModelError, match=file.replace(".", r"\.")):
        load(_rewritten(folder, file, change))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"name": "fine-tuned"', '"name": "finetuned"'),
        ('"name": "fine-tuned"', '"name": "pretrained"'),
        ('"units": 8', '"units": 9'),
        ('"units": 8', '"units": 0'),
        ('"units": 8', '"units": 100000'),
        ('"second": 36', '"second": 1'),
        ('"second": 36', '"second": 100001'),
        ('"second": 36', '"second": "36"'),
        ('"second": 36', '"third": 36'),
        ('"name": "gru-2"', '"name": "pretrained"'),
        ('"season_length": 12', '"season_length": 23'),  # of one network of the ensemble only
    ],
)
def test_facts_that_do_not_fit_are_refused(folder: Path, old: str, new: str) -> None:
    file = folder / "model.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    seal(folder)
    with pytest.raises(ModelError):
        load(folder)


@pytest.mark.parametrize(("limit", "value"), [("MAX_SEASON", 11), ("STEPS", 5)])
def test_what_is_out_of_its_reach_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(package, limit, value)
    with pytest.raises(ModelError, match="out of reach"):
        load(folder)


def test_the_weights_of_the_package_have_the_shapes_that_a_folder_is_read_with() -> None:
    found = {name: one.shape for name, one in package.weights().items()}
    assert found == weight_shapes(package.card().width)


CODE = (
    "import sys; from gruforecast.cli import main\n"
    "sys.argv = ['gruforecast', *sys.argv[1:]]\n"
    "try: main()\n"
    "finally: print(*{name.split('.')[0] for name in sys.modules}, *{n for n in sys.modules if 'pretrained' in n}, "
    "file=sys.stderr)"
)
HEAVY = {"tensorflow", "keras", "pandas", "scipy", "sklearn", "statsforecast"}


@pytest.mark.parametrize("with_data", [False, True])
def test_the_command_loads_nothing_large_for_it(folder: Path, panel: Panel, own: Forecaster, with_data: bool) -> None:
    """Forecasts in the file are those of Python; the model's own numbers go through CSV unchanged."""
    data = []
    if with_data:
        rows = zip(np.repeat([key[0] for key in panel.ids], panel.lengths), panel.ds, panel.y, strict=True)
        lines = [f"{key},{str(ds)[:10]},{'' if np.isnan(y) else repr(float(y))}" for key, ds, y in rows]
        (folder.parent / "data.csv").write_text("\n".join(["unique_id,ds,y", *lines]) + "\n")
        data = [str(folder.parent / "data.csv")]
    command = [sys.executable, "-c", CODE, "predict", str(folder), *data, "--member", TUNED, "--format", "csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not set(done.stderr.split()) & HEAVY
    found = [float(line.split(",")[2]) for line in done.stdout.splitlines()[1:]]
    np.testing.assert_allclose(np.reshape(found, (5, 6)), own.predict(member=TUNED).mean, **SAME)


def test_a_model_without_it_does_not_even_load_its_code(panel: Panel, tmp_path: Path) -> None:
    save(make_forecaster(panel), tmp_path)
    seal(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", CODE, "predict", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert not [name for name in done.stderr.split() if name.startswith("gruforecast.models.pretrained")]


def test_a_backtest_with_new_trainings_leaves_out_what_has_learned_from_its_rows(own: Forecaster, panel: Panel) -> None:
    kept, anew = (roll(own, panel, windows=2, refit=refit) for refit in (False, True))
    assert {PRETRAINED, TUNED, BLEND} <= set(kept.members)
    assert PRETRAINED in anew.members
    assert set(kept.members) - set(anew.members) == {TUNED, BLEND} == set(anew.left_out)
    assert "does not train it anew" in anew.left_out[BLEND]
    assert roll(own, panel, windows=2, refit=True, members=[TUNED]).members == (TUNED,)
