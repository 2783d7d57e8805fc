"""The package's weights from a training: the moving average, and a card that is true."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from tools.pretrain.export import export


def test_the_moving_average_is_shipped_with_its_card(tmp_path: Path) -> None:
    average = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(
        tmp_path / "checkpoint.npz",
        **{"weights/a.kernel": average + 9, "average/a.kernel": average, "step": 40, "seconds": 125.0, "mean": average},
    )
    (tmp_path / "options.json").write_text(json.dumps({"batch": 256, "seed": 7, "width": 96, "commit": "abc"}))
    folder = tmp_path / "package"
    folder.mkdir()
    export(tmp_path, folder)
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        assert list(file) == ["a.kernel"]
        np.testing.assert_array_equal(file["a.kernel"], average)
    card = json.loads((folder / "card.json").read_text())
    assert card["sha256"] == hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    expected = {"steps": 40, "windows": 10_240, "minutes": 2, "seed": 7, "width": 96, "parameters": 6, "commit": "abc"}
    assert expected.items() <= card.items()
    first = (folder / "weights.npz").read_bytes()
    export(tmp_path, folder)
    assert (folder / "weights.npz").read_bytes() == first
