"""Every model by name: title, description, kind and colour; how those are made that are no networks.

A new model that is no network is one more entry of `baselines.BASELINES` or `statistical.STATISTICAL`.
"""

from __future__ import annotations

from typing import NamedTuple

from gruforecast.models.baselines import BASELINES, seeing
from gruforecast.models.model import Entry, Kind, Model
from gruforecast.models.statistical import STATISTICAL

NETWORKS, BLEND = "networks", "blend"
NAIVE = ("naive", "seasonal-naive")  # the better of these is the forecast to beat
CHOSEN_GRU = (NETWORKS, "gru")  # all networks together where there are several, or the only one


class Look(NamedTuple):
    """How models of a kind are called and drawn: `colour` is a name that `page.css` knows, `hue` a word for it."""

    title: str
    colour: str
    hue: str


KINDS: dict[Kind, Look] = {
    "gru": Look("GRU", "@gru", "blue"),
    "lstm": Look("LSTM", "@lstm", "ochre"),
    "rnn": Look("simple RNN", "@rnn", "purple"),
    "blend": Look("blend", "@blend", "green"),
    "baseline": Look("no networks", "@base", "grey"),
}
TRAINED = (
    Entry(
        NETWORKS,
        "the GRU ensemble: a weighted mean of networks; each fold is forecast with weights found on others",
        title="the GRU ensemble",
        kind="gru",
    ),
    Entry("gru", "gru, gru-2, …: single GRU networks of the search", title="the GRU", kind="gru"),
    Entry("(short)", "a cell with the configuration of the best GRU trial and an equal number of steps, mean of seeds"),
    Entry("(full)", "a cell trained as long as the best GRU"),
    Entry(BLEND, "a weighted mean of the ensemble and the models below", title="the blend", kind="blend"),
)
SIMPLE = BASELINES | STATISTICAL  # models that are no networks
ENTRIES = {one.name: one for one in (*TRAINED, *reversed(SIMPLE.values()))}


def title_of(name: str) -> str:
    """Return what a model is called in a sentence: its name where it has no title."""
    return (ENTRIES[name].title if name in ENTRIES else "") or name


def model_of(name: str, inputs: tuple[str, ...] = ()) -> Model:
    """Return a model that is no network.

    Args:
        inputs: kind of each covariate, see `NetworkConfig`.

    Raises:
        KeyError: there is none of this name.
    """
    model = SIMPLE[name].model
    if model is None:
        raise KeyError(name)
    return seeing(model, inputs)
