"""Strict files, JSON and arrays at their bounds: what is just allowed is read, one more is refused in these words."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import stat
import zipfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pytest

from gruforecast.artifact import safe_reading as strict
from gruforecast.artifact.safe_reading import (
    MAX_DIGITS,
    MAX_HEADER,
    MAX_NAME,
    arrays_of,
    check_name,
    max_bytes,
    opened,
    parse_json,
    read_plain,
    typed,
    values_in,
)
from gruforecast.errors import ModelError
from gruforecast.execution.atomic_files import npz
from gruforecast.serialization import Record

FOUR = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
WANTED = {"a": ((2, 3), "f8"), "b": ((2,), "i8"), "c": ((3,), "b1")}
ARRAYS: dict[str, Any] = {"a": FOUR, "b": np.array([7, -8]), "c": np.array([True, False, True])}
OTHER_KIND = "a value is of another kind than it should be"


class Row(Record, frozen=True):
    """A record with bounds and a key of another name."""

    a: Annotated[float, msgspec.Meta(ge=1, le=2)] = msgspec.field(name="is")
    b: None = None
    winner: int = 0


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def packed(members: dict[str, bytes], compressed: tuple[str, ...] = ()) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            how = zipfile.ZIP_DEFLATED if name in compressed else zipfile.ZIP_STORED
            archive.writestr(f"{name}.npy", content, compress_type=how)
    return stream.getvalue()


def refused(content: bytes, wanted: Any = None, **options: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        arrays_of(content, wanted or WANTED, "x.npz", **options)
    assert caught.value.file == "x.npz"
    return caught.value


class TestFiles:
    def test_a_file_of_just_the_most_bytes_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "f").write_bytes(b"12345")
        assert read_plain(tmp_path, "in/f", 5) == b"12345"
        with pytest.raises(ModelError) as caught:
            read_plain(tmp_path, "in/f", 4)
        assert caught.value.message == "the file has 5 bytes, 4 at most fit to the rest."
        assert (caught.value.code, caught.value.file) == ("GF-M22", str(tmp_path / "in" / "f"))

    def test_a_digest_is_compared_where_one_is_given(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"12345")
        assert read_plain(tmp_path, "f", 9, hashlib.sha256(b"12345").hexdigest()) == b"12345"
        with pytest.raises(ModelError, match="not the one that was saved") as caught:
            read_plain(tmp_path, "f", 9, hashlib.sha256(b"1234").hexdigest())
        assert caught.value.code == "GF-M08"

    def test_a_file_that_shrinks_while_it_is_read_is_another_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "f").write_bytes(b"12345")
        real = os.fstat

        def larger(descriptor: int) -> os.stat_result:
            facts = list(real(descriptor))
            facts[stat.ST_SIZE] += 1
            return os.stat_result(facts)

        monkeypatch.setattr(strict.os, "fstat", larger)
        with pytest.raises(ModelError, match="not the one that was saved"):
            read_plain(tmp_path, "f", 9)

    def test_what_stands_in_place_of_a_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "link").symlink_to("file")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folders").symlink_to("folder")
        (tmp_path / "folder" / "inner").touch()
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "one").touch()
        os.link(tmp_path / "one", tmp_path / "two")
        with socket.socket(socket.AF_UNIX) as made:
            here = Path.cwd()
            os.chdir(tmp_path)  # a path of a socket is short
            try:
                made.bind("socket")
            finally:
                os.chdir(here)
        for name, found in (
            ("link", "a link stands in its place"),
            ("folder", "a folder stands in its place"),
            ("fifo", "a FIFO stands in its place"),
            ("socket", "a socket stands in its place"),
            ("two", "the same file has 2 names (hard links)"),
            ("folders/inner", "a link stands in its place"),
            ("file/inner", "a link stands in its place"),
        ):
            with pytest.raises(ModelError) as caught, opened(tmp_path, name):
                pass
            assert caught.value.message == f"this is no plain file: {found}."
            assert (caught.value.code, caught.value.file) == ("GF-M20", str(tmp_path / name))
            assert ("cp -rL" in caught.value.remedy) == ("link" in found)
        with opened(tmp_path, "folder/inner") as (descriptor, size):
            assert (os.read(descriptor, 1), size) == (b"", 0)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)

    def test_missing_files_are_missing_and_nothing_stays_open(self, tmp_path: Path) -> None:
        place = Path("/proc/self/fd")
        before = {path.name for path in place.iterdir()} if place.exists() else set()
        (tmp_path / "in").mkdir()
        for name in ("f", "in/f", "no/f", "x" * 3000):
            with pytest.raises(ModelError) as caught, opened(tmp_path, name):
                pass
            assert (caught.value.message, caught.value.code) == ("the file is missing.", "GF-M07")
        assert before == ({path.name for path in place.iterdir()} if place.exists() else set())

    @pytest.mark.parametrize(
        ("name", "plain"),
        [
            ("a", True),
            ("a/b c/d.pb", True),
            ("...", True),
            (".hidden", True),
            ("é" * MAX_NAME, True),
            ("x" * (MAX_NAME + 1), False),
            ("", False),
            ("a/", False),
            ("/a", False),
            ("a/./b", False),
            ("a/..", False),
            ("a\\b", False),
            ("a:b", False),
            ("a\tb", False),
        ],
    )
    def test_names(self, name: str, plain: bool) -> None:
        if plain:
            assert check_name(name, "m") == name
            return
        with pytest.raises(ModelError, match="is no plain name of a file") as caught:
            check_name(name, "m")
        assert (caught.value.code, caught.value.file) == ("GF-M21", "m")
        assert len(caught.value.message) < MAX_NAME + 40


class TestJson:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
            ("1.5e308", 1.5e308),
            ('{"a": 1, "b": {"a": 2}}', {"a": 1, "b": {"a": 2}}),
            ('"\\u00e9"', "é"),
            ('"\\ud83d\\ude00"', "\U0001f600"),
            ("[]", []),
        ],
    )
    def test_what_must_be_read(self, text: str, found: Any) -> None:
        assert parse_json(text.encode(), "m.json") == found

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("9" * (MAX_DIGITS + 1), "a whole number has 21 digits"),
            ("[1, 1e309]", "1e309 is too large"),
            ("-1e999", "-1e999 is too large"),
            ("NaN", "NaN is no number"),
            ("[-Infinity]", "-Infinity is no number"),
            ('{"b": 1, "a": 1, "a": 2}', "the key 'a' stands there twice"),
            ("{" + ", ".join(f'"{k}": 1' for k in range(999)) + ', "998": 1}', "the key '\\?' stands there twice"),
            ("{" + ", ".join(f'"{k}": 1' for k in range(998)) + ', "997": 1}', "the key '997' stands there twice"),
            ('"\\ud800"', "surrogates not allowed"),
            ("[1", "Expecting"),
        ],
    )
    def test_what_is_refused(self, text: str, words: str) -> None:
        with pytest.raises(ModelError, match=f"this is no readable JSON .*{words}") as caught:
            parse_json(text.encode(), "m.json")
        assert (caught.value.code, caught.value.file) == ("GF-M09", "m.json")
        assert "fit the model again" in caught.value.remedy

    def test_bytes_and_values_just_within_their_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = b'{"a": [1, 2], "b": {}}'
        assert values_in(text) == 5
        for limit, name in ((len(text), "MAX_JSON"), (5, "MAX_VALUES")):
            with monkeypatch.context() as patch:
                patch.setattr(strict, name, limit)
                parse_json(text, "m.json")
                patch.setattr(strict, name, limit - 1)
                with pytest.raises(ModelError, match="22 bytes and 5 values are too many"):
                    parse_json(text, "m.json")

    def test_the_limits_hold_a_million_series(self) -> None:
        assert strict.MAX_JSON >= 1_000_000 * (40 + 18)
        assert strict.MAX_VALUES >= 2 * 1_000_000

    def test_keys_that_must_and_may_be(self) -> None:
        assert typed(Row, {"is": 1, "winner": 2}, "m") == Row(1, winner=2)
        assert typed(Row, {"is": 2}, "m") == Row(2.0)
        for value, words, code in (
            ({"b": None}, "the key 'is' is missing.", "GF-M03"),
            ({"is": 1, "winer": 1}, "unknown key 'winer'. Did you mean 'winner'?", "GF-M03"),
            ({"is": 1, "zzzz": 1}, "unknown key 'zzzz'.", "GF-M03"),
            ({"is": 1, "a": 1}, "unknown key 'a'.", "GF-M03"),
            ([("is", 1)], "there should be keys and values, not list.", "GF-M03"),
            (None, "there should be keys and values, not NoneType.", "GF-M03"),
            ({"is": True}, f"{OTHER_KIND}: Expected `float`, got `bool` - at `$.is`.", "GF-M05"),
            ({"is": "1"}, f"{OTHER_KIND}: Expected `float`, got `str` - at `$.is`.", "GF-M05"),
            ({"is": 0.999}, f"{OTHER_KIND}: Expected `float` >= 1.0 - at `$.is`.", "GF-M05"),
            ({"is": 2.001}, f"{OTHER_KIND}: Expected `float` <= 2.0 - at `$.is`.", "GF-M05"),
            ({"is": 1, "winner": 1.0}, f"{OTHER_KIND}: Expected `int`, got `float` - at `$.winner`.", "GF-M05"),
        ):
            with pytest.raises(ModelError) as caught:
                typed(Row, value, "m")
            assert (caught.value.message, caught.value.code, caught.value.file) == (words, code, "m")


class TestArrays:
    def test_what_was_saved_comes_back(self) -> None:
        found = arrays_of(npz(ARRAYS), WANTED, "x.npz")
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == np.dtype(WANTED[name][1])
            assert found[name].flags.writeable

    def test_other_orders_and_versions_are_read(self) -> None:
        header = b"{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }".ljust(MAX_HEADER - 1) + b"\n"
        assert len(header) == MAX_HEADER
        second = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + FOUR.tobytes("F")
        one = {"a": ((2, 3), "f8")}
        for content in (saved(np.asfortranarray(FOUR)), second[:0] + saved(FOUR)):
            np.testing.assert_array_equal(arrays_of(packed({"a": content}), one, "x.npz")["a"], FOUR)
            assert arrays_of(packed({"a": content}), one, "x.npz")["a"].flags.c_contiguous
        short = b"{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }".ljust(117) + b"\n"
        second = b"\x93NUMPY\x02\x00" + len(short).to_bytes(4, "little") + short + FOUR.tobytes("F")
        np.testing.assert_array_equal(arrays_of(packed({"a": second}), one, "x.npz")["a"], FOUR)

    @pytest.mark.parametrize("name", list(ARRAYS))
    def test_one_compressed_array_among_stored_ones_is_refused(self, name: str) -> None:
        members = {key: saved(array) for key, array in ARRAYS.items()}
        arrays_of(packed(members), WANTED, "x.npz")
        error = refused(packed(members, (name,)))
        assert error.message == "the arrays cannot be read (they are compressed, and might become any size)."
        assert error.code == "GF-M10"

    def test_other_arrays_are_named(self) -> None:
        error = refused(npz({"b": np.array([7, -8]), "a": FOUR}))
        assert error.message == "the arrays cannot be read (its arrays are ['a', 'b'])."
        error = refused(npz({**ARRAYS, "a": FOUR.T}))
        assert error.message == "the arrays cannot be read (a.npy does not have the shape (2, 3))."

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_one_number_that_is_none(self, value: float) -> None:
        for k in range(6):
            array = FOUR.copy()
            array.ravel()[k] = value
            content = npz({**ARRAYS, "a": array})
            error = refused(content)
            assert (error.message, error.code) == ("array 'a' is not finite.", "GF-M06")
            if np.isnan(value):
                assert np.isnan(arrays_of(content, WANTED, "x.npz", may_miss=("a",))["a"].ravel()[k])
            else:
                assert refused(content, may_miss=("a",)).message == "array 'a' is not finite."

    def test_a_truth_value_is_nought_or_one(self) -> None:
        content = saved(ARRAYS["c"])
        for last, good in ((b"\x00", True), (b"\x01", True), (b"\x02", False), (b"\xff", False)):
            changed = packed({"c": content[:-1] + last})
            if good:
                assert arrays_of(changed, {"c": ((3,), "b1")}, "x.npz")["c"][-1] == bool(last[0])
            else:
                assert "does not have the shape" in refused(changed, {"c": ((3,), "b1")}).message
        assert arrays_of(packed({"c": saved(np.zeros(0, bool))}), {"c": ((0,), "b1")}, "x.npz")["c"].shape == (0,)

    def test_a_file_has_no_more_bytes_than_its_arrays_need(self) -> None:
        for wanted, arrays in (
            (WANTED, ARRAYS),
            ({"é" * 50: ((1000, 3), "f4")}, {"é" * 50: np.zeros((1000, 3), "f4")}),
            ({f"n{k}": ((0,), "f8") for k in range(40)}, {f"n{k}": np.zeros(0) for k in range(40)}),
        ):
            size = len(npz(arrays))
            assert size <= max_bytes(wanted)
            assert max_bytes(wanted) < 2000 + size + len(wanted) * MAX_HEADER
        assert max_bytes({"a": ((10, 2), "f8")}) - max_bytes({"a": ((10,), "f8")}) == 80
        assert max_bytes({"aé": ((2,), "f4")}) - max_bytes({"a": ((2,), "f4")}) == 16
