"""Names for the array types that flow through the package; shapes stand in the docstrings."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Stamps: TypeAlias = NDArray[np.datetime64]
Array: TypeAlias = NDArray[Any]
Single: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = dict[str, Single]  # by name, see `weight_shapes`
