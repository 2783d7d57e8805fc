"""What the arguments of several commands have in common: declared options, model and data, where one may write."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from gruforecast.automl.options import SeasonOptions
from gruforecast.data.option import Declared, Options, Value
from gruforecast.errors import ModelError, UsageError

DEFAULT_MODEL, PRETRAINED = "gruforecast_model", "pretrained"
ENDINGS = (".csv", ".gz", ".tsv", ".txt", ".parquet", ".zip")  # of files that are no model
ModelFolder = Annotated[str, typer.Argument(help=f"Model folder, {DEFAULT_MODEL} if not given.")]
ModelOrData = Annotated[
    str | None, typer.Argument(help=f"Model folder, {DEFAULT_MODEL} if not given; a file here is DATA.")
]
FolderOrWord = Annotated[
    str, typer.Argument(help=f"Model folder, {DEFAULT_MODEL} if not given; pretrained: the network in the package.")
]
ModelDataOrWord = Annotated[
    str | None,
    typer.Argument(
        help=f"Model folder, {DEFAULT_MODEL} if not given; pretrained: the network in the package; a file is DATA."
    ),
]


def in_panel(panel: str | None) -> Callable[..., OptionInfo]:
    """Return what makes an option in a panel of the help page, of its help text and its names."""
    return lambda text, *names: typer.Option(*names, help=text, rich_help_panel=panel)


def screen(
    panel: str | None = None, *, as_json: str = "Print one JSON object.", verbose: str = "Also say what was used."
) -> tuple[OptionInfo, OptionInfo, OptionInfo, OptionInfo]:
    """Return the options `--json`, `--quiet`, `--verbose` and `--debug` of a command."""
    option = in_panel(panel)
    return (
        option(as_json, "--json"),
        option("Say only what is wrong.", "-q", "--quiet"),
        option(verbose, "-v", "--verbose"),
        option("Show tracebacks.", "--debug"),
    )


def with_options(kind: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what puts declared options in the place of a command's parameter `options`.

    The command is called with a function there, which makes them of what the user has given, and checks them.
    """
    made: Callable[..., Options] = kind

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**values: Value) -> None:
            found = {one: value for one in kind.declared if (value := values.pop(one.name)) is not None}
            given = {one.name: value if one.several else _single(value) for one, value in found.items()}
            command(options=functools.partial(made, **given), **values)

        parameters: list[inspect.Parameter] = []
        for name, own in inspect.signature(command, eval_str=True).parameters.items():
            parameters += map(_parameter, kind.declared) if name == "options" else [own.replace(kind=own.KEYWORD_ONLY)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        return run

    return decorated


def _single(value: Value) -> Value:
    """Return the only value of an option that was collected, or one given again; several differ, which is refused."""
    different = list(dict.fromkeys(value)) if isinstance(value, list) else []
    return different[0] if len(different) == 1 else value


def _parameter(one: Declared) -> inspect.Parameter:
    """Return the parameter from which typer makes the option of a command."""
    flags = (*one.option.names, f"{one.flag}/{one.negated}" if one.negated else one.flag)
    kind: Any = str if one.option.unit else one.kind
    kind = list[kind] | None if one.repeated else kind | None if one.optional else kind
    metavar = "<str>" if one.repeated and not one.several else None
    option = typer.Option(*flags, help=one.option.help, rich_help_panel=one.option.panel, metavar=metavar)
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if one.repeated else one.default,
        annotation=Annotated[kind, option],
    )


def sort_arguments(model: str | None, data: str | None) -> tuple[str, str | None]:
    """Return the folder and data file: with one argument, a folder is the model and a file or `-` is the data.

    The word `pretrained` is the network in the package, whatever lies here.
    """
    if model not in (None, PRETRAINED) and data is None:
        named_like_file = Path(model).suffix in ENDINGS and not os.path.isdir(model)
        if model == "-" or "://" in model or os.path.isfile(model) or named_like_file:
            return DEFAULT_MODEL, model
    return model or DEFAULT_MODEL, data


def refuse_pretrained(model: str, command: str) -> None:
    """Refuse the word `pretrained` where a model folder is needed.

    Raises:
        UsageError: it is the word.
    """
    if model == PRETRAINED:
        raise UsageError(
            f"{PRETRAINED!r} is the network in the package: predict, backtest and show take it, {command} does not.",
            remedy=f"Fit a model first, or write ./{PRETRAINED} if that is your model folder.",
            code="GF-U52",
        )


def for_pretrained(options: SeasonOptions, model: str, data: str | None, **others: bool) -> SeasonOptions | None:
    """Return the options by which data are read for the pretrained network, None for a model folder.

    Args:
        others: options of the command that are for folders only, and whether they are given.

    Raises:
        UsageError: options are for the other case, or there are no data.
    """
    usual = SeasonOptions()
    if model != PRETRAINED:
        given = [one for one in SeasonOptions.declared if getattr(options, one.name) != getattr(usual, one.name)]
        if given:
            flags = ", ".join(one.flag for one in given)
            raise UsageError(
                f"{flags} cannot be given with a model folder, which says how its data are read.",
                remedy=f"Leave {'it' if len(given) == 1 else 'them'} out, or write {PRETRAINED} in place of a folder.",
                code="GF-U51",
            )
        return None
    if data is None:
        raise UsageError(
            f"{PRETRAINED} is the network in the package, which has no data of its own.",
            remedy=f"Pass a file after it, or write ./{PRETRAINED} if that is your model folder.",
            code="GF-U53",
        )
    if wrong := [f"--{name.replace('_', '-')}" for name, is_given in others.items() if is_given]:
        raise UsageError(
            f"{', '.join(wrong)} cannot be given with {PRETRAINED}, which sees no covariates and learned from none of "
            "your rows.",
            remedy=f"Leave {'it' if len(wrong) == 1 else 'them'} out, or fit a model.",
            code="GF-U52",
        )
    return options


@contextlib.contextmanager
def pretrained_named(file: str | None) -> Iterator[None]:
    """With the pretrained network in the remedy, where there is no model folder."""
    try:
        yield
    except ModelError as error:
        if error.code == "GF-M01":
            example = shlex.join(["gruforecast", "predict", PRETRAINED, file or "sales.csv"])
            error.remedy += f" Without a model, {example} forecasts at once."
        raise


def check_places(model: str, read: Mapping[str, str | None], written: Mapping[str, str | None]) -> None:
    """Refuse files to read that are not there, and places where a file cannot be written.

    Args:
        model: the model folder.
        read: files that are read, by what the user calls them; written: by option. None: there is none.

    Raises:
        UsageError: one is no file name, lies in the model folder, or is a file that is read or written, too; or a
            file to read is not on this machine.
    """
    for path in read.values():
        if path is not None:
            from gruforecast.data.files.source import require_local_file

            require_local_file(path)
    taken = {Path(path).resolve(): name for name, path in read.items() if path not in (None, "-") and path}
    for option, place in written.items():
        if place is None:
            continue
        if not place or Path(place).is_dir():
            raise UsageError(f"{option} {place!r} is no file name.", remedy="Give a file name.", code="GF-U22")
        target = Path(place).resolve()
        if (other := taken.get(target)) is not None:
            raise UsageError(f"{other} and {option} name one file.", remedy="Write to another file.", code="GF-U45")
        if model != PRETRAINED and target.is_relative_to(Path(model).resolve()):
            raise UsageError(
                f"{option} {place!r} is in the model folder: a model never changes after fit.",
                remedy="Choose another place.",
                code="GF-U60",
            )
        taken[target] = option
