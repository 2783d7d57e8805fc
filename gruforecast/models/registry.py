"""Every model by name: title, description, kind and colour; how those are made that are no networks.

A new model that is no network is one more entry of `baselines.BASELINES` or `statistical.STATISTICAL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gruforecast.models.baselines import BASELINES, seeing
from gruforecast.models.model import Entry, Kind, Model
from gruforecast.models.statistical import STATISTICAL

NETWORKS, BLEND = "networks", "blend"
PRETRAINED, TUNED = "pretrained", "fine-tuned"  # members with weights that lie outside the ensemble
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
    "pretrained": Look("pretrained GRU", "@pretrained", "red"),
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
    Entry(
        PRETRAINED,
        "a GRU encoder-decoder in this package, trained once on synthetic series and nothing else, as it is",
        title="the pretrained GRU",
        kind="pretrained",
    ),
    Entry(
        TUNED,
        "the pretrained GRU, trained on with these series for some hundred steps",
        title="the fine-tuned GRU",
        kind="pretrained",
    ),
    Entry(BLEND, "a weighted mean of the ensemble and the models below", title="the blend", kind="blend"),
)
SIMPLE = BASELINES | STATISTICAL  # models that are no networks
ENTRIES = {one.name: one for one in (*TRAINED, *reversed(SIMPLE.values()))}


def title_of(name: str) -> str:
    """Return what a model is called in a sentence: its name where it has no title."""
    return (ENTRIES[name].title if name in ENTRIES else "") or name


class Named(Model, Protocol):
    """A model that knows what it is called."""

    @property
    def name(self) -> str:
        """In the leaderboard."""


def model_of(name: str, inputs: tuple[str, ...] = (), own: Sequence[Named] = ()) -> Model:
    """Return a model that is no network of the ensemble: one of `own`, or one that needs no weights.

    Args:
        inputs: kind of each covariate, see `NetworkConfig`.

    Raises:
        KeyError: there is none of this name.
    """
    for one in own:
        if one.name == name:
            return one
    model = SIMPLE[name].model
    if model is None:
        raise KeyError(name)
    return seeing(model, inputs)
