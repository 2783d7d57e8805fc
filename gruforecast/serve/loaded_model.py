"""The model that is served: its forecaster, the position of each of its series, and what is said about it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from gruforecast.artifact.folder import load_with_manifest
from gruforecast.data.options import ROLES
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.registry import BLEND, NETWORKS
from gruforecast.models.statistical import STATISTICAL, trouble_with
from gruforecast.serialization import Json


@dataclass(frozen=True)
class Model:
    """A model folder in memory.

    Attributes:
        name: of the folder, without its path.
        written_by: version of the package that fitted it.
    """

    name: str
    forecaster: Forecaster
    written_by: str

    @functools.cached_property
    def positions(self) -> dict[tuple[str, ...], int]:
        """Number of each series of the training data by its key, and by the parts of its key joined by `/`."""
        keys = self.forecaster.context.ids
        return {("/".join(key),): k for k, key in enumerate(keys)} | {key: k for k, key in enumerate(keys)}

    @property
    def missing_models(self) -> list[str]:
        """Models of the winner that would be fitted to new data, but whose package is not installed."""
        parts = self.forecaster.weights_of(self.forecaster.winner)
        return [name for name in parts if name in STATISTICAL and trouble_with(name)]

    def facts(self) -> Json:
        """Return what the model is, as plain JSON types."""
        forecaster, plan = self.forecaster, self.forecaster.plan
        networks = [one.name for one in forecaster.networks]
        return {
            "model": self.name,
            "gruforecast": self.written_by,
            "frequency": plan.freq.label,
            "horizon": forecaster.horizon,
            "season_length": forecaster.season_length,
            "lookback": forecaster.lookback,
            "winner": forecaster.winner,
            "members": [
                {
                    "name": name,
                    "kind": "gru" if name in networks else name if name in (NETWORKS, BLEND) else "other",
                    "levels": list(calibration.levels),
                }
                for name, calibration in forecaster.calibrations.items()
            ],
            "time": list(plan.names.time),
            "id": list(plan.names.ids),
            "target": None if plan.wide else plan.names.target,
            "time_zone": plan.form.stamp.tz or None,
            "holidays": plan.holidays or None,
            "columns": {
                role: {one.name: list(one.categories) or "number" for one in plan.covariates if one.role == role}
                for role in ROLES
            },
            "series": len(forecaster.context.ids),
        }


def opened(folder: str) -> Model:
    """Return the model in a folder, its files checked and one forecast made, so that all it needs is loaded.

    Raises:
        ModelError: the folder is refused.
    """
    path = Path(folder)
    forecaster, manifest = load_with_manifest(path)
    if forecaster.keeps_rows and not forecaster.plan.future_names:
        ids = ["/".join(key) for key in forecaster.context.ids[:1]]
        forecaster.predict(member=NETWORKS if NETWORKS in forecaster.members else "winner", ids=ids)
    return Model(path.absolute().name, forecaster, manifest.gruforecast)
