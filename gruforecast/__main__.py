"""`python -m gruforecast`."""

from gruforecast.cli import main

main()
