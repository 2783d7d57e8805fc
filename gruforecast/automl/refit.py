"""The networks of a saved model trained anew before each cutoff of a backtest, as the saved ones were.

A training sees the rows before its cutoff only; those after it are missing in the file that it reads. Configurations,
ensemble weights, interval widths and the constants of the panel stay those of the saved model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from gruforecast.automl.options import FitOptions
from gruforecast.automl.run_folder import open_run
from gruforecast.automl.search.results import FitRequest, FitResult
from gruforecast.automl.search.trial import save_split
from gruforecast.automl.training_jobs import RUN_FIT
from gruforecast.errors import ModelError, SearchError, UsageError
from gruforecast.evaluation.backtest import Rolling
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.execution.jobs import Jobs, Pending
from gruforecast.execution.progress import Progress
from gruforecast.models.networks.config import TrainingConfig
from gruforecast.models.networks.inference import Network


def retrained(rolling: Rolling, progress: Progress) -> Generator[Rolling]:
    """The windows of each cutoff in turn, with networks that learned from the rows before it.

    All trainings are put on worker processes at once, so a cutoff may have to wait for a later one's.

    Raises:
        UsageError: no network is requested.
        ModelError: the model folder does not say how its networks were trained.
        SearchError: a training crashed or diverged.
    """
    networks, panel, count = rolling.networks, rolling.panel, rolling.cutoffs.count
    if not networks:
        raise UsageError(
            "no requested member has a network, so there is nothing to train anew.",
            remedy="Leave `refit` out, or pass `member='networks'`.",
            code="GF-U46",
        )
    trainings = [_training(one) for one in networks]
    progress.say(f"training {len(networks)} network{'s' * (len(networks) > 1)} anew before each of {count} cutoffs")
    size = count * (panel.y.nbytes + panel.x.nbytes)
    options = FitOptions(trial_time=None)
    with (
        tempfile.TemporaryDirectory(prefix="gruforecast-backtest-") as folder,
        open_run(options, Path(folder), {"backtest": panel.digest()}, size, progress) as (jobs, _),
    ):
        submitted = []
        for number in range(count):
            save_split(jobs.folder, _data(number), _split(rolling, number))
            submitted.append([_submit(jobs, number, *each) for each in zip(networks, trainings, strict=True)])
        for number, pending in enumerate(submitted):
            each = zip(networks, pending, strict=True)
            trained = {one.name: _trained(jobs, number, one, training.result()) for one, training in each}
            progress.say(f"cutoff {number + 1} of {count}: trained")
            own = tuple(trained.get(one.name, one) for one in rolling.forecaster.networks)
            yield replace(rolling.at(number), forecaster=replace(rolling.forecaster, networks=own))


def _training(network: Network) -> TrainingConfig:
    if network.training is None:
        raise ModelError(
            f"the model folder does not say how its network {network.name!r} was trained.",
            remedy="Leave `refit` out, or fit the model again.",
            code="GF-M13",
        )
    return network.training


def _data(number: int) -> str:
    return f"cutoff-{number}"


def _split(rolling: Rolling, number: int) -> Split:
    """Return the rows before a cutoff, those of series too, that are too short to be forecast there."""
    cutoff = rolling.cutoff(number)
    horizon, inputs = rolling.forecaster.horizon, rolling.panel.plan.inputs
    return Split(rolling.history, horizon, rolling.forecaster.season_length, cutoff, cutoff[None], inputs=inputs)


def _submit(jobs: Jobs, number: int, network: Network, training: TrainingConfig) -> Pending[FitResult]:
    name, config = f"{_data(number)}-{network.name}", network.config
    request = FitRequest(network=config, training=training, data=_data(number), weights=f"{name}.npz", until="test")
    return jobs.submit(name, RUN_FIT, request, FitResult, shape=config.shape, cost=config.cost * training.steps)


def _trained(jobs: Jobs, number: int, network: Network, result: FitResult | None) -> Network:
    """Return the network with the weights of its training before a cutoff."""
    if result is None or result.status != "completed":
        how = result.status if result else "gave nothing"
        text = f"the training of {network.name!r} before cutoff {number + 1} {how}."
        raise SearchError(text, remedy="Leave `refit` out.", code="GF-S05")
    return replace(network, weights=read_npz(jobs.folder / result.weights))
