"""What a process that writes or calls an export is asked, as records; arrays lie in files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gruforecast.artifact.export.signature import Input, Served
from gruforecast.execution.atomic_files import read_npz
from gruforecast.execution.jobs import JobRequest
from gruforecast.models.conformal import Calibration
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network
from gruforecast.serialization import Record


class SentNetwork(Record, frozen=True):
    """One network; its arrays lie in the file `weights`."""

    name: str
    config: NetworkConfig
    share: float
    weights: str


class WriteRequest(JobRequest, kw_only=True, frozen=True):
    """A `Served` for the process that writes the `export`.

    Attributes:
        parts: weights of what is exported; scaling: centre and spread; factor, levels, trust: of the calibration.
        int8: whether weights become 8-bit integers.
    """

    networks: list[SentNetwork]
    scaling: tuple[list[float], list[float]]
    levels: tuple[float, ...]
    factor: list[list[float]]
    trust: float
    inputs: tuple[Input, ...]
    parts: dict[str, float]
    export: str
    int8: bool = False

    @classmethod
    def of(cls, served: Served, weights: Sequence[str], export: str, *, int8: bool = False) -> WriteRequest:
        """Return the request to write `export`; arrays of the networks lie in the files `weights`."""
        return cls(
            networks=[
                SentNetwork(one.name, one.config, one.weight, path)
                for one, path in zip(served.networks, weights, strict=True)
            ],
            scaling=(served.scaling.centre.tolist(), served.scaling.spread.tolist()),
            levels=served.calibration.levels,
            factor=served.calibration.factor.tolist(),
            trust=served.calibration.trust,
            inputs=served.inputs,
            parts=served.parts,
            export=export,
            int8=int8,
        )

    @property
    def served(self) -> Served:
        """What is to be written."""
        networks = tuple(Network(one.name, one.config, read_npz(one.weights), one.share) for one in self.networks)
        shape = (networks[0].config.horizon, len(self.levels))
        return Served(
            networks,
            Scaling(*(np.array(one, float) for one in self.scaling)),
            Calibration(self.levels, np.array(self.factor, float).reshape(shape), self.trust),
            self.inputs,
            self.parts,
        )


class CallRequest(JobRequest, kw_only=True, frozen=True):
    """What the process that calls the `export` is asked.

    Attributes:
        given: path of the inputs, named `case.input`; answer: path to write the outputs to, likewise.
        timed: whether calls are measured, too.
    """

    export: str
    given: str
    answer: str
    timed: bool = False
