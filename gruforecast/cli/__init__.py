"""The command line: the only place where errors become words and exit codes. Nothing heavy is imported at the top."""

from gruforecast.cli.app import app, main

__all__ = ["app", "main"]
