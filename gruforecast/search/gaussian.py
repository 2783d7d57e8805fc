"""The Gaussian process of the Bayesian search, quick at single points.

keras-tuner minimises its acquisition function by ten thousands of predictions of one point each. scikit-learn spends
most of each on checks, and idle workers wait meanwhile: the same numbers come in a tenth of the time.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from gruforecast.arrays import Floats


class QuickRegressor(GaussianProcessRegressor):  # type: ignore[misc]
    """scikit-learn's regressor for a Matérn kernel with nu = 2.5 and one length scale."""

    @classmethod
    def like(cls, other: GaussianProcessRegressor) -> Self:
        """A regressor with the parameters of another one.

        Raises:
            ValueError: it has another kernel.
        """
        kernel = other.kernel
        if not (isinstance(kernel, Matern) and kernel.nu == 2.5 and np.ndim(kernel.length_scale) == 0):
            raise ValueError(f"another kernel: {kernel}")
        return cls(**other.get_params(deep=False))

    def fit(self, X: Floats, y: Floats) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit to points (n, n_dimensions) and their values (n,)."""
        super().fit(X, y)
        self._inverse = solve_triangular(self.L_, np.eye(len(self.L_)), lower=True)
        return self

    def predict(self, X: Floats, *args: Any, **kwargs: Any) -> Any:  # noqa: N803
        """As in scikit-learn; quick for one point with `return_std=True`."""
        if not hasattr(self, "_inverse") or np.shape(X)[0] != 1 or args or kwargs != {"return_std": True}:
            return super().predict(X, *args, **kwargs)
        distance = np.sqrt(5 * ((self.X_train_ - X) ** 2).sum(axis=1)) / self.kernel_.length_scale
        near = (1 + distance + distance**2 / 3) * np.exp(-distance)  # (n,) covariances with the known points
        spread = self._inverse @ near
        variance = max(1 - spread @ spread, 0.0)
        mean = self._y_train_mean + self._y_train_std * (near @ self.alpha_)
        return np.atleast_1d(mean), np.atleast_1d(self._y_train_std * np.sqrt(variance))
