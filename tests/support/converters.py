"""Stand-ins for a converter of networks, called in the process that converts: right ones, and some that fail."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.artifact.export.request import WriteRequest
from gruforecast.artifact.export.saved_model import reference
from gruforecast.execution.atomic_files import npz, read_npz
from gruforecast.execution.child_process import cases_in
from gruforecast.serialization import record


def keep(request: dict[str, Any]) -> dict[str, Any]:
    weights = {str(k): Path(one["weights"]).read_bytes().hex() for k, one in enumerate(request["networks"])}
    Path(request["export"]).write_text(json.dumps(request | {"kept": weights}))
    return {}


def keep_another(request: dict[str, Any]) -> dict[str, Any]:
    path = request["networks"][0]["weights"]
    changed = {name: array + np.float32(0.01) for name, array in read_npz(path).items()}
    Path(path).write_bytes(npz(changed))
    return keep(request)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    asked = json.loads(Path(request["export"]).read_text())
    kept = asked.pop("kept")
    for k, one in enumerate(asked["networks"]):
        one["weights"] = f"{request['answer']}.{k}.npz"
        Path(one["weights"]).write_bytes(bytes.fromhex(kept[str(k)]))
    served = record(WriteRequest, asked, "kept").served
    found = {}
    for case, inputs in cases_in(read_npz(request["given"])).items():
        y = inputs["y"]
        x = np.zeros((len(y), y.shape[1] + 6, 0))
        one = reference(served, y, np.zeros(len(y), "datetime64[s]"), x)
        found |= {f"{case}.{name}": values for name, values in one.items()}
    Path(request["answer"]).write_bytes(npz(found))
    return {"milliseconds": {"load": 1.0, "batch 1": 2.0}}


def answer_nothing(request: dict[str, Any]) -> dict[str, Any]:
    told = answer(request)
    found = {name: values * np.nan for name, values in read_npz(request["answer"]).items()}
    Path(request["answer"]).write_bytes(npz(found))
    return told


def die(request: dict[str, Any]) -> dict[str, Any]:
    os.write(1, b"the last words of a converter")
    os.kill(os.getpid(), signal.SIGSEGV)
    return request


def fill_the_disk(request: dict[str, Any]) -> dict[str, Any]:
    raise OSError(28, "No space left on device")
