"""gruforecast: a light recurrent forecaster from a CSV file or a data frame, compared honestly and ready to ship.

import gruforecast as gf

model = gf.fit("sales.csv", horizon=12)  # or a pandas DataFrame
forecast = model.predict()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from gruforecast.version import __version__

if TYPE_CHECKING:
    from gruforecast.api import Model as Model
    from gruforecast.api import check as check
    from gruforecast.api import fit as fit
    from gruforecast.api import load as load
    from gruforecast.automl.search.hypermodel import GRUHyperModel as GRUHyperModel
    from gruforecast.errors import DataError as DataError
    from gruforecast.errors import FormError as FormError
    from gruforecast.errors import GruforecastError as GruforecastError
    from gruforecast.errors import GruforecastWarning as GruforecastWarning
    from gruforecast.errors import MissingCovariatesError as MissingCovariatesError
    from gruforecast.errors import ModelError as ModelError
    from gruforecast.errors import RepeatedRowError as RepeatedRowError
    from gruforecast.errors import ResourceError as ResourceError
    from gruforecast.errors import SearchError as SearchError
    from gruforecast.errors import UsageError as UsageError

_HOMES = {
    "gruforecast.api": ("Model", "check", "fit", "load"),
    "gruforecast.automl.search.hypermodel": ("GRUHyperModel",),
    "gruforecast.errors": (
        "DataError",
        "FormError",
        "GruforecastError",
        "GruforecastWarning",
        "MissingCovariatesError",
        "ModelError",
        "RepeatedRowError",
        "ResourceError",
        "SearchError",
        "UsageError",
    ),
}
_PUBLIC = {name: home for home, names in _HOMES.items() for name in names}
__all__ = [
    "DataError",
    "FormError",
    "GRUHyperModel",
    "GruforecastError",
    "GruforecastWarning",
    "MissingCovariatesError",
    "Model",
    "ModelError",
    "RepeatedRowError",
    "ResourceError",
    "SearchError",
    "UsageError",
    "__version__",
    "check",
    "fit",
    "load",
]


if not TYPE_CHECKING:  # what is no public name is an error for type checkers, too

    def __getattr__(name: str) -> object:
        """Public names, imported when they are first used so that the command line starts at once."""
        if name not in _PUBLIC:
            raise AttributeError(f"module 'gruforecast' has no attribute {name!r}")
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return the public names, for those who look for them."""
    return __all__
