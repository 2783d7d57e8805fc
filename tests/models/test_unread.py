"""Columns that were given and do nothing are said, and the future file is checked all the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_networks import make_covariate_forecaster

from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.errors import DataError
from gruforecast.models.unread import unread, unread_in_words


def test_each_member_reads_the_columns_of_its_parts() -> None:
    forecaster, _ = make_covariate_forecaster()
    roles = {repr(one.name): one.role for one in forecaster.plan.covariates} | {"public holidays": "known"}
    known = tuple(name for name, role in roles.items() if role == "known")
    assert unread(forecaster, "naive") == tuple(roles)
    assert set(unread(forecaster, "harmonic")) == set(roles) - set(known)
    for use, read in (("none", ()), ("ahead", ("known", "static")), ("all", ("known", "static", "past"))):
        networks = tuple(replace(one, config=replace(one.config, use_inputs=use)) for one in forecaster.networks)
        expected = tuple(name for name, role in roles.items() if role not in read)
        assert unread(replace(forecaster, networks=networks), "networks") == expected
    winner = replace(forecaster, winner="naive")
    said = unread_in_words(winner, "naive")
    assert said.startswith(f"{', '.join(roles)}: no effect on the forecast, ")
    assert ", the winner does not read" in said
    assert unread_in_words(replace(winner, networks=networks), "networks") == ""


def test_a_future_with_a_hole_is_refused_where_no_part_reads_it() -> None:
    forecaster, panel = make_covariate_forecaster()
    lacking = FutureCovariates("f.csv", panel.plan, {}, np.zeros((0, len(panel.plan.future))), ())
    with pytest.raises(DataError, match="steps have no row of"):
        forecaster.stream(panel, future=lacking, member="naive")
