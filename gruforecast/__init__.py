"""gruforecast: a light recurrent forecaster from a CSV file, compared honestly and ready to ship."""

from __future__ import annotations

from typing import Any

from gruforecast.version import __version__

_PUBLIC = {
    "fit": "gruforecast.automl.fit",
    "FitOptions": "gruforecast.automl.options",
    "load": "gruforecast.artifact.folder",
    "read_csv": "gruforecast.data.read",
    "read_like": "gruforecast.data.read",
    "read_future": "gruforecast.data.future_covariates",
    "Forecaster": "gruforecast.models.forecaster",
    "GRUHyperModel": "gruforecast.automl.search.hypermodel",
}
__all__ = [
    "FitOptions",
    "Forecaster",
    "GRUHyperModel",
    "__version__",
    "fit",
    "load",
    "read_csv",
    "read_future",
    "read_like",
]


def __getattr__(name: str) -> Any:
    """Public names, imported when first used so that the command line starts at once."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'gruforecast' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PUBLIC[name]), name)
