"""What of a winner an export can hold: the SavedModel in a model folder, or a file of `export`."""

from __future__ import annotations

from collections.abc import Sequence

from gruforecast.models.forecaster import Forecaster
from gruforecast.models.registry import title_of

GRAPHS = ("naive", "seasonal-naive", "drift", "window-mean", "theta")  # models of `export.simple`
MAX_SEASON = 200  # rows up to which the graph of Theta, which has a step for each, stays small
NEWEST_ONLY = ("naive", "seasonal-naive", "window-mean")  # those that need no more than the newest rows


def not_in_graphs(forecaster: Forecaster, graphs: Sequence[str] = GRAPHS) -> list[str]:
    """Return the parts of the winner that a graph cannot hold; there are none where it can hold the winner.

    Args:
        graphs: the models that it can hold beside networks.
    """
    held = [name for name in graphs if name != "theta" or forecaster.season_length <= MAX_SEASON]
    return [name for name in forecaster.others_in(forecaster.winner) if name not in held]


def holds_in_words(forecaster: Forecaster, graphs: Sequence[str] = GRAPHS) -> str:
    """Return what an export of a forecaster holds, and what the winner is that `predict` runs."""
    winner, lacks = title_of(forecaster.winner), not_in_graphs(forecaster, graphs)
    parts = forecaster.weights_of(forecaster.winner)
    mix = f" ({', '.join(f'{100 * one:.0f} % {title_of(name)}' for name, one in parts.items())})" * (len(parts) > 1)
    if not lacks:
        return f"holds the winner, which predict runs: {winner}{mix}"
    missing = ", ".join(map(title_of, lacks))
    return f"holds the GRU networks, not the winner that predict runs: {winner}{mix}; it cannot hold {missing}"
