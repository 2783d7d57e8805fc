"""`gruforecast serve`."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.cli.arguments import DEFAULT_MODEL, ModelFolder, refuse_pretrained, screen
from gruforecast.cli.error_edge import TERMINATED, error_edge
from gruforecast.cli.wording import warn
from gruforecast.errors import ResourceError, UsageError
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.serve.loaded_model import Model
    from gruforecast.serve.settings import Settings

ACCESS, LIMITS = "Who may ask", "Limits"
_JSON, _QUIET, _VERBOSE, _DEBUG = screen(
    as_json="Say as one JSON object where it listens.", verbose="Log every request."
)


def serve(
    model: ModelFolder = DEFAULT_MODEL,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one, which is said.")] = 8000,
    token_file: Annotated[
        str | None,
        typer.Option(help="File with the token that requests must carry.", rich_help_panel=ACCESS),
    ] = None,
    insecure_no_auth: Annotated[
        bool,
        typer.Option("--insecure-no-auth", help="Listen beyond this machine without a token.", rich_help_panel=ACCESS),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name by which requests may call this server; repeatable.", rich_help_panel=ACCESS),
    ] = None,
    max_body: Annotated[int, typer.Option(help="Most bytes of a request.", rich_help_panel=LIMITS)] = 8_000_000,
    max_series: Annotated[int, typer.Option(help="Most series of a request.", rich_help_panel=LIMITS)] = 10_000,
    max_rows: Annotated[
        int, typer.Option(help="Most rows of a request, and most steps of its answer.", rich_help_panel=LIMITS)
    ] = 500_000,
    max_horizon: Annotated[
        int | None, typer.Option(help="Most steps, if fewer than those fitted.", rich_help_panel=LIMITS)
    ] = None,
    max_queue: Annotated[int, typer.Option(help="Most requests that wait.", rich_help_panel=LIMITS)] = 64,
    request_timeout: Annotated[
        float, typer.Option(help="Seconds for a header, for a body, and for an answer.", rich_help_panel=LIMITS)
    ] = 30.0,
    grace: Annotated[
        float, typer.Option(help="Seconds to finish requests in, when told to stop.", rich_help_panel=LIMITS)
    ] = 20.0,
    drain: Annotated[
        float, typer.Option(help="Seconds of them in which new ones are still taken.", rich_help_panel=LIMITS)
    ] = 0.5,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Answer requests for forecasts over HTTP, without TensorFlow.

    Examples: gruforecast serve · gruforecast serve my_model --port 9000 --token-file token.txt
    """
    with error_edge(as_json=as_json, debug=debug):
        refuse_pretrained(model, "serve")
        _require_packages()
        from gruforecast.serve.loaded_model import opened
        from gruforecast.serve.log import start_log
        from gruforecast.serve.request import Bounds
        from gruforecast.serve.server import serve as run
        from gruforecast.serve.service import Service
        from gruforecast.serve.settings import LOCAL, Settings, bind, check_exposure

        check_exposure(host, token=token_file is not None, insecure=insecure_no_auth)
        settings = Settings(
            host=host,
            port=port,
            token=_token(token_file, insecure=insecure_no_auth),
            hosts=LOCAL | {name.lower() for name in (host, socket.gethostname(), *(allow_host or ()))},
            body=max_body,
            queue=max_queue,
            timeout=request_timeout,
            grace=grace,
            drain=drain,
            bounds=Bounds(max_series, max_rows, max_horizon),
        )
        start_log(quiet=quiet, verbose=verbose)
        opened_model = opened(model)
        listener = bind(host, port)
        service = Service(settings, model, opened_model)

        def started() -> None:
            _say(opened_model, settings, listener.getsockname()[:2], as_json=as_json, quiet=quiet)

        if not run(service, listener, started):
            typer.echo("stopped: --grace was over before all requests were answered", err=True)
            raise typer.Exit(TERMINATED)
        if not quiet:
            typer.echo(f"stopped: {sum(service.metrics.requests.values())} requests were answered", err=True)


def _require_packages() -> None:
    try:
        import fastapi  # noqa: F401 - whether it is there
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ResourceError(
            "the server needs the packages fastapi and uvicorn.",
            remedy="Install them with: pip install 'gruforecast[serve]'.",
            code="GF-E30",
        ) from error


def _token(file: str | None, *, insecure: bool) -> bytes | None:
    from gruforecast.serve.settings import read_token

    if file is None:
        return None
    if insecure:
        raise UsageError(
            "--token-file and --insecure-no-auth contradict each other.", remedy="Leave one of them out.", code="GF-U74"
        )
    token, warnings = read_token(file)
    for warning in warnings:
        warn(warning)
    return token


def _say(model: Model, settings: Settings, address: tuple[str, int], *, as_json: bool, quiet: bool) -> None:
    """Say where the server listens, what it serves, and whether a token is needed."""
    url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
    forecaster = model.forecaster
    if as_json:
        facts = {"url": url, "model": model.name, "winner": forecaster.winner, "horizon": forecaster.horizon}
        typer.echo(json.dumps({**facts, "token": settings.token is not None}))
    if missing := model.missing_models:
        needs = f"warning: {', '.join(missing)} of the winner needs statsforecast"
        typer.echo(f"{needs}: from new rows only other members forecast", err=True)
    if not (quiet or as_json):
        what = (
            f"model {model.name} ({forecaster.winner}, step {forecaster.plan.freq.label}, {forecaster.horizon} steps)"
        )
        token = "a token is needed" if settings.token else "no token is needed"
        typer.echo(harmless(f"listening at {url}, {what}, {token}; Ctrl-C stops"), err=True)
