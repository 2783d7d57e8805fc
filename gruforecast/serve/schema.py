"""From the bytes of a request to a typed query: strict JSON, unknown fields refused, every error with its field."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gruforecast.errors import did_you_mean
from gruforecast.serialization import JsonValue
from gruforecast.serve.errors import Refusal, invalid, shown

MAX_KEYS = 4096  # fields of one object; there are fewer columns than that
LONGEST_NUMBER = 320  # digits; longer ones are infinite
Number: TypeAlias = Annotated[list[float | None], Field(fail_fast=True, min_length=1)]
Cell: TypeAlias = float | bool | str | None
Cells: TypeAlias = Annotated[list[Cell], Field(fail_fast=True)]
Stamp: TypeAlias = str | int
WORDS = {
    "finite_number": "this is not a finite number",
    "float_type": "this is neither a number nor null",
    "int_type": "this is no whole number",
    "string_type": "this is no text",
    "list_type": "this is no list",
    "dict_type": "this is no object",
    "model_type": "this is no object",
    "missing": "this field is missing",
    "too_short": "this list is empty",
    "greater_than_equal": "this is less than 1",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Series(_Strict):
    """One series: its rows, or the id of one that the model was fitted on."""

    id: str | Annotated[list[str], Field(fail_fast=True)] | None = Field(
        None, description="Name of the series; a list where the data of the model have several id columns."
    )
    start: Stamp | None = Field(
        None,
        description="Stamp of the first row of y; the others follow at the step of the model. "
        "Written as in the data of the model, or as 2024-01-31 or 2024-01-31 13:00.",
        examples=["2024-01-01"],
    )
    ds: Annotated[list[Stamp], Field(fail_fast=True)] | None = Field(
        None, description="Stamp of each row, ascending; instead of start where steps are absent."
    )
    y: Number | None = Field(
        None,
        description="The values, null where one is missing. "
        "Without y the forecast starts at the end of the training data of the series with this id.",
        examples=[[112, 118, None, 129]],
    )
    past: dict[str, Cells] = Field(default={}, description="Columns seen in the past only: as many values as y.")
    known: dict[str, Cells] = Field(
        default={}, description="Future covariates: as many values as y, and one for each step that is forecast."
    )
    static: dict[str, Cell] = Field(default={}, description="Columns that are constant in the series.")


class Query(_Strict):
    """What is asked of the model."""

    series: Annotated[list[Series], Field(fail_fast=True, min_length=1)] | None = Field(
        None, description="The series to forecast; without it, all that the model was fitted on."
    )
    horizon: int | None = Field(None, ge=1, description="Steps, at most those fitted, which are the default.")
    levels: Annotated[list[float], Field(fail_fast=True)] | None = Field(
        None, description="Interval levels in percent, of those calibrated; all by default.", examples=[[80]]
    )
    member: str = Field("winner", description="winner, networks, blend, or another name that /v1/model lists.")


def read_query(body: bytes, max_series: int, max_rows: int) -> Query:
    """Return the query in the body of a request.

    Raises:
        Refusal: it is no strict JSON (400), or no query within the limits (422).
    """
    content = _parsed(body)
    if not isinstance(content, dict):
        raise Refusal(422, "GF-H09", "the body must be a JSON object, such as {}.", field="")
    _check_size(content.get("series"), max_series, max_rows)
    try:
        return Query.model_validate(content)
    except ValidationError as error:
        raise _worded(error, content) from None


def _parsed(body: bytes) -> JsonValue:
    try:
        content: JsonValue = json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole, parse_constant=lambda _: math.nan
        )
        if b"\\u" in body:
            json.dumps(content, ensure_ascii=False).encode()  # halves of a pair of escapes are no text
    except UnicodeDecodeError as error:
        text = f"the body is not UTF-8 (byte {error.start})."
    except UnicodeEncodeError:
        text = "an escape such as \\ud800 is half a character."
    except json.JSONDecodeError as error:
        text = "the body is empty." if not body.strip() else f"the body is no JSON: {error}."
    except RecursionError:
        text = "the body is nested too deeply."
    else:
        return content
    raise Refusal(400, "GF-H08", text)


def _whole(text: str) -> float | int:
    return int(text) if len(text) <= LONGEST_NUMBER else math.inf


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return the object of these fields, all of which have names of their own."""
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Refusal(400, "GF-H08", f"the field {shown(twice)} stands there twice.", field=twice[:60])
    if len(content) > MAX_KEYS:
        raise Refusal(422, "GF-H10", f"an object has more than {MAX_KEYS} fields.")
    return content


def _check_size(series: JsonValue, max_series: int, max_rows: int) -> None:
    """Refuse too many series or rows before anything is made of them."""
    if not isinstance(series, list):
        return
    if len(series) > max_series:
        raise invalid("series", f"there are {len(series)} series, {max_series} may be.", "GF-H10")
    rows = sum(len(one["y"]) for one in series if isinstance(one, dict) and isinstance(one.get("y"), list))
    if rows > max_rows:
        raise invalid("series", f"there are {rows} rows, {max_rows} may be.", "GF-H10")


def _worded(error: ValidationError, content: JsonValue) -> Refusal:
    """Return the first thing that is wrong with a query."""
    faults = error.errors(include_url=False, include_context=False)
    field, value = _place(faults[0]["loc"], content)
    kinds = [one["type"] for one in faults if _place(one["loc"], content)[0] == field]
    kind = kinds[0]
    if kind == "extra_forbidden":
        names = list((Series if field.startswith("series[") else Query).model_fields)
        return invalid(field, f"there is no such field.{did_you_mean(field.rpartition('.')[2][:60], names)}")
    kind = "finite_number" if "finite_number" in kinds else kind
    text = WORDS.get(kind, faults[0]["msg"][:1].lower() + faults[0]["msg"][1:])
    if len(set(kinds)) > 1 and kind in ("string_type", "float_type", "int_type"):
        text = "this is of no type that may stand here"
    return invalid(field, f"{text}: {shown(value)}." if kind != "missing" else f"{text}.")


def _place(loc: tuple[int | str, ...], content: JsonValue) -> tuple[str, JsonValue]:
    """Return the name of a place such as `series[0].y[3]`, without names of types in `loc`, and what stands there."""
    text = ""
    for part in loc:
        if isinstance(part, int) and isinstance(content, list) and part < len(content):
            text, content = f"{text}[{part}]", content[part]
        elif isinstance(part, str) and isinstance(content, dict) and part in content:
            name = part if len(part) <= 60 else f"{part[:60]}…"
            text, content = f"{text}.{name}" if text else name, content[part]
    return text, content
