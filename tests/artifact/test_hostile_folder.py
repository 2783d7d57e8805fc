"""A model folder made by a stranger: it is read, or refused with exit 4 in little time and memory; nothing else."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import change_model, facts, watched, write_manifest
from made_networks import make_forecaster
from makers import panel_of

from gruforecast.artifact.folder import load, save
from gruforecast.artifact.manifest import FitFacts, read_manifest, seal
from gruforecast.artifact.safe_reading import parse_json
from gruforecast.errors import GruforecastError, ModelError

LIGHT = ("model.json", "weights.npz", "calibration.npz", "context.npz")
OTHERS = ("report.json", "saved_model/saved_model.pb", "saved_model/variables/variables.index")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model folder; tests work on copies."""
    folder = tmp_path_factory.mktemp("hostile") / "model"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    for name in OTHERS:
        (folder / name).write_text(f'{{"this is": "{name}"}}' * 20)
    generator = np.random.default_rng(1)
    save(make_forecaster(panel_of(5 + generator.random(60), generator.normal(size=40), np.arange(3.0))), folder)
    seal(folder, FitFacts(trials=1, verdict="good"))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "model"))


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.exit_code == 4
    assert len(str(caught.value)) < 2_500
    assert caught.value.remedy
    return caught.value


def flipped(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]


@pytest.mark.parametrize("name", [*LIGHT, *OTHERS])
def test_any_change_of_any_file_is_refused_and_the_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    changes = [flipped(content, place, 3) for place in (0, len(content) // 3, len(content) // 2, len(content) - 1)]
    changes += [content[:-1], content[: len(content) // 2], b"", content + b"\0"]
    for changed in changes:
        path.write_bytes(changed)
        assert refused(folder).file == str(path)
    path.unlink()
    assert refused(folder).file == str(path)
    path.write_bytes(content)
    load(folder)


def test_every_flipped_bit_of_the_manifest_is_noticed(folder: Path) -> None:
    path = folder / "manifest.json"
    content, generator = path.read_bytes(), random.Random(0)
    for place in range(len(content)):
        path.write_bytes(flipped(content, place, generator.randrange(8)))
        with pytest.raises(ModelError):
            read_manifest(folder)
    for end in range(0, len(content), 7):
        path.write_bytes(content[:end])
        with pytest.raises(ModelError):
            read_manifest(folder)
    path.write_bytes(content.rstrip())
    with pytest.raises(ModelError):
        read_manifest(folder)
    path.unlink()
    assert refused(folder).code == "GF-M02"


def test_a_newer_format_says_who_wrote_it_and_what_to_do(folder: Path) -> None:
    write_manifest(folder, lambda manifest: manifest.update(format=2, gruforecast="9.9", novelty={"x": 1}))
    error = refused(folder)
    assert "written by gruforecast 9.9 in format 2; you have 0." in str(error)
    assert "Upgrade" in error.remedy


@pytest.mark.parametrize(
    "name",
    ["../outside.json", "/etc/passwd", "a/../../b", "saved_model/..", "./x", "a//b", "a\\..\\b", "C:x", "a\nb", ""],
)
def test_a_name_that_leads_elsewhere_is_refused_and_not_opened(folder: Path, name: str) -> None:
    outside = folder.parent / "outside.json"
    outside.write_text("{}")
    write_manifest(folder, lambda manifest: manifest["files"].update({name: facts(outside)}))
    assert refused(folder).code == "GF-M21"


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(files=[]),
        lambda manifest: manifest.update(files={}),
        lambda manifest: manifest.update(files={"model.json": "digest"}),
        lambda manifest: manifest["files"]["model.json"].update(bytes=-1),
        lambda manifest: manifest["files"]["model.json"].update(bytes=True),
        lambda manifest: manifest["files"]["model.json"].update(bytes="many"),
        lambda manifest: manifest["files"]["model.json"].update(sha256="A" * 64),
        lambda manifest: manifest["files"]["model.json"].update(sha512=""),
        lambda manifest: manifest["files"]["report.json"].update(bytes=10**12),
        lambda manifest: manifest["files"].update(
            {f"f{k}": {"bytes": 0, "sha256": "0" * 63 + "1"} for k in range(2000)}
        ),
        lambda manifest: manifest.update(trials=-1),
        lambda manifest: manifest.update(trials="2"),
        lambda manifest: manifest.update(verdict=["good"]),
        lambda manifest: manifest.update(scores={"gru": [1]}),
        lambda manifest: manifest.update(versions={"numpy": 2}),
        lambda manifest: manifest.update(gruforecast=None),
        lambda manifest: manifest.update(saved_model=[[[[[[[[[[[]]]]]]]]]]]),
        lambda manifest: manifest.update(verdct="good"),
        lambda manifest: manifest.pop("files"),
    ],
)
def test_nonsense_in_the_manifest_is_refused(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    write_manifest(folder, change)
    refused(folder)


def test_unknown_keys_are_answered_with_the_known_one(folder: Path) -> None:
    change_model(folder, lambda model: model.update(winer="naive"))
    assert "Did you mean 'winner'?" in str(refused(folder))
    change_model(folder, lambda model: (model.pop("winer"), model["networks"][0].update(shar=1)))
    assert "Did you mean 'share'?" in str(refused(folder))
    write_manifest(folder, lambda manifest: manifest.update(verdct="good"))
    assert "Did you mean 'verdict'?" in str(refused(folder))
    change_model(folder, lambda model: model.update({"x" * 1_000_000: 1}))
    refused(folder)


def with_text(before: str, after: str) -> Callable[[str], str]:
    """A change of text that must find something to change."""

    def change(text: str) -> str:
        assert before in text
        return text.replace(before, after, 1)

    return change


TEXTS: dict[str, Callable[[str], str | bytes]] = {
    "empty": lambda text: "",
    "list": lambda text: f"[{text}]",
    "null": lambda text: "null",
    "number": lambda text: "1",
    "twice": with_text('"winner":', '"winner": "naive", "winner":'),
    "deep-twice": with_text('"units":', '"units": 4, "units":'),
    "NaN": with_text('"share": 0.75', '"share": NaN'),
    "Infinity": with_text('"share": 0.75', '"share": Infinity'),
    "-Infinity": with_text('"share": 0.75', '"share": -Infinity'),
    "1e999": with_text('"share": 0.75', '"share": 1e999'),
    "digits": with_text('"units": 4', f'"units": {"9" * 4000}'),
    "more digits": with_text('"units": 4', f'"units": {"9" * 100_000}'),
    "200k lists": lambda text: "[" * 200_000,
    "200k lists closed": lambda text: "[" * 200_000 + "]" * 200_000,
    "200k objects": lambda text: '{"a":' * 200_000,
    "deep value": with_text('"missing": []', '"missing": ' + "[" * 900 + "]" * 900),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "latin-1": lambda text: with_text('"s0"', '"\xe9"')(text).encode("latin-1"),
    "surrogate": with_text('"s0"', '"\\ud800"'),
    "comment": lambda text: text + "// good",
    "two": lambda text: text + text,
    "single quotes": lambda text: text.replace('"', "'"),
    "comma": lambda text: text.rstrip()[:-1] + ",}",
    "bare": with_text('"s0"', "s0"),
    "control": with_text('"s0"', '"s\x01"'),
}


@pytest.mark.parametrize("change", TEXTS.values(), ids=TEXTS)
def test_what_is_no_strict_json_is_refused_with_right_digests(
    folder: Path, change: Callable[[str], str | bytes]
) -> None:
    path = folder / "model.json"
    changed = change(json.dumps(json.loads(path.read_text())))
    path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    write_manifest(folder)
    assert refused(folder).file in (str(path), str(folder))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("units", value) for value in (60_000, 0, -1, 32.0, "32", None, True, [], {}, 10**18)],
        *[("layers", value) for value in (10**6, 0, -1, 1.5, "1", None, True)],
        *[("horizon", value) for value in (10**9, 0, -1, 6.0, "6", None, True)],
        *[("lookback", value) for value in (10**9, 0, -24, 24.0, "24", None)],
        *[("segment", value) for value in (0, -1, 7, 48, "1", None)],
        *[("season_length", value) for value in (0, -1, 10**6, None)],
        *[("cell", value) for value in ("transformer", None, 3, ["gru"])],
        *[("decoder", value) for value in ("", None, {})],
        *[("log_unit", value) for value in (0, -1.0, "1", None)],
        *[("log", value) for value in (1, "yes", None)],
        *[("periods", value) for value in ([3.0], [1.0, 1.0], "day", 5, [[1.0]])],
        *[("inputs", value) for value in (["known"] * 2000, ["future"], "known", [None])],
        ("unit", 32),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_right_digests(folder: Path, key: str, value: Any) -> None:
    change_model(folder, lambda model: model["networks"][1]["config"].update({key: value}))
    refused(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"units": 1024, "layers": 8},
        {"horizon": 100_000},
        {"units": 1024, "lookback": 100_000, "inputs": ["known"] * 1000},
    ],
)
def test_weights_that_are_not_in_the_file_are_not_allocated(folder: Path, changes: dict[str, Any]) -> None:
    def change(model: dict[str, Any]) -> None:
        for one in model["networks"]:
            one["config"].update(changes)

    change_model(folder, change)
    done = watched("predict", str(folder))
    assert done.code == 4, done.stderr
    assert done.peak < 150e6


def test_too_many_networks_are_refused(folder: Path) -> None:
    change_model(folder, lambda model: model.update(networks=model["networks"] * 1000))
    refused(folder)


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a JSON value."""
    if way:
        yield way
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from leaves(part, (*way, key))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers may be nonsense, and forecasts then are
@pytest.mark.parametrize("value", [None, True, -1, 0, 1e308, 10**18, "", "x\x1b[31m", [], {}, [[]], [0.5], ["a", "b"]])
def test_whatever_stands_anywhere_in_the_model_is_read_or_refused(folder: Path, value: Any) -> None:
    """Each part of `model.json` in turn is something else, and digests are right."""
    text = (folder / "model.json").read_text()
    for *way, last in leaves(json.loads(text)):
        model = json.loads(text)
        place = model
        for key in way:
            place = place[key]
        place[last] = value
        (folder / "model.json").write_text(json.dumps(model))
        write_manifest(folder)
        try:
            load(folder).predict().to_frame().to_csv()
        except GruforecastError:
            continue


def arrays_of(path: Path) -> dict[str, Any]:
    with np.load(path) as data:
        return {key: data[key] for key in data.files}


def npy(header: str, numbers: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + numbers


def zipped(path: Path, members: list[tuple[str, bytes]], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


KEYS = {"weights": "1.hidden.bias", "calibration": "theta", "context": "forecast.theta"}
DAMAGE: dict[str, Callable[[Any], bytes]] = {
    "nan": lambda array: saved(array * np.nan),
    "inf": lambda array: saved(array + np.inf),
    "object": lambda array: saved(np.array([None, 1], object)),
    "text": lambda array: saved(np.full(array.shape, "x")),
    "structured": lambda array: saved(np.zeros(array.shape, [("a", "f4")])),
    "integers": lambda array: saved(array.astype(np.int64)),
    "double or half": lambda array: saved(array.astype("f4" if array.dtype == "f8" else "f8")),
    "big-endian": lambda array: saved(array.astype(array.dtype.newbyteorder(">"))),
    "shorter": lambda array: saved(array[:-1]),
    "other shape": lambda array: saved(array[None]),
    "1 TB": lambda array: npy(
        f"{{'descr': '<{array.dtype.str[1:]}', 'fortran_order': False, 'shape': (250000000000,), }}"
    ),
    "no numbers": lambda array: saved(array)[:128],
    "fewer numbers": lambda array: saved(array)[:-3],
    "more numbers": lambda array: saved(array) + b"\0",
    "no header": lambda array: b"none at all",
    "code": lambda array: npy("__import__('os').system('touch canary')"),
    "deep header": lambda array: npy("(" * 100 + ")" * 100),
    "negative": lambda array: npy(f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': (-1,), }}"),
    "version 9": lambda array: b"\x93NUMPY\x09\x00" + saved(array)[8:],
    "long header": lambda array: b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + saved(array)[10:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("name", KEYS)
def test_an_array_that_is_not_what_the_model_says_is_refused(
    folder: Path, name: str, damage: Callable[[Any], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    path = folder / f"{name}.npz"
    arrays = arrays_of(path)
    zipped(path, [(f"{key}.npy", (damage if key == KEYS[name] else saved)(array)) for key, array in arrays.items()])
    write_manifest(folder)
    assert refused(folder).file == str(path)
    assert not Path("canary").exists()


def write(path: Path, text: str) -> None:
    path.write_text(text)


def after_junk(path: Path) -> None:
    path.write_bytes(bytes(100_000) + path.read_bytes())


ARCHIVES: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    "no zip": lambda path, arrays: write(path, "no zip at all"),
    "empty": lambda path, arrays: zipped(path, []),
    "extra": lambda path, arrays: np.savez(path, **arrays, more=np.zeros(2)),
    "missing": lambda path, arrays: np.savez(path, **dict(list(arrays.items())[1:])),
    "packed": lambda path, arrays: np.savez_compressed(path, **arrays),
    "twice": lambda path, arrays: zipped(
        path, [(f"{key}.npy", saved(arrays[key])) for key in (*arrays, next(iter(arrays)))]
    ),
    "without ending": lambda path, arrays: zipped(path, [(key, saved(array)) for key, array in arrays.items()]),
    "path": lambda path, arrays: zipped(path, [(f"../{key}.npy", saved(array)) for key, array in arrays.items()]),
    "after junk": lambda path, arrays: after_junk(path),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("damage", ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize("name", KEYS)
def test_an_archive_that_is_not_what_the_model_says_is_refused(
    folder: Path, name: str, damage: Callable[[Path, dict[str, Any]], None]
) -> None:
    path = folder / f"{name}.npz"
    damage(path, arrays_of(path))
    write_manifest(folder)
    assert refused(folder).file == str(path)


@pytest.mark.parametrize("name", ["model.json", "weights.npz", "saved_model/saved_model.pb", "manifest.json"])
@pytest.mark.parametrize("kind", ["symlink", "hard link", "FIFO", "device", "folder", "socket"])
def test_what_is_no_plain_file_is_not_opened(folder: Path, name: str, kind: str) -> None:
    path = folder / name
    other = folder.parent / "other"
    path.rename(other)
    if kind == "symlink":
        path.symlink_to(other)
    elif kind == "hard link":
        os.link(other, path)
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as one:
            os.chdir(path.parent)  # such names are short
            one.bind(path.name)
            os.chdir(folder.parent)
    else:
        path.mkdir()
    error = refused(folder)
    assert (error.code, error.file) == ("GF-M20", str(path))


def test_a_folder_in_the_folder_may_be_no_link(folder: Path) -> None:
    (folder / "saved_model").rename(folder.parent / "elsewhere")
    (folder / "saved_model").symlink_to(folder.parent / "elsewhere")
    assert refused(folder).code == "GF-M20"


def test_a_link_to_the_whole_folder_is_the_users_own_business(folder: Path) -> None:
    (folder.parent / "link").symlink_to(folder)
    load(folder.parent / "link")


def test_what_the_manifest_does_not_name_is_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "waits-for-ever")
    (folder / "evil.pkl").symlink_to("/dev/zero")
    load(folder)


BOMBS: dict[str, Callable[[Path], None]] = {
    "sparse weights": lambda folder: os.truncate(folder / "weights.npz", 10**12),
    "sparser weights": lambda folder: os.truncate(folder / "weights.npz", 900_000_000),
    "large SavedModel": lambda folder: os.truncate(folder / "saved_model" / "saved_model.pb", 399_000_000),
    "sparse model": lambda folder: os.truncate(folder / "model.json", 10**12),
    "sparse manifest": lambda folder: os.truncate(folder / "manifest.json", 10**12),
    "sparse SavedModel": lambda folder: os.truncate(folder / "saved_model" / "saved_model.pb", 10**12),
    "deflate": lambda folder: zipped(
        folder / "weights.npz",
        [(f"{key}.npy", bytes(2_000_000)) for key in arrays_of(folder / "weights.npz")],
        zipfile.ZIP_DEFLATED,
    ),
    "lists": lambda folder: write(folder / "model.json", "[[]" + ",[]" * 20_000_000 + "]"),
    "nested": lambda folder: write(folder / "model.json", "[" * 200_000),
    "units": lambda folder: change_model(folder, lambda model: model["networks"][0]["config"].update(units=60_000)),
    "texts": lambda folder: change_model(
        folder, lambda model: model["plan"]["numbers"].update(missing=["ab\U0001f600"] * 1_000_000)
    ),
    "long text": lambda folder: change_model(folder, lambda model: model.update(winner="x" * 30_000_000)),
}


@pytest.mark.parametrize("command", ["predict", "show"])
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_cost_little_time_and_memory(folder: Path, bomb: Callable[[Path], None], command: str) -> None:
    """Sealed with right digests where the digest of a terabyte can be had; wrong ones are another refusal."""
    bomb(folder)
    if (folder / "manifest.json").stat().st_size < 1e9:

        def whole(manifest: dict[str, Any]) -> None:
            for path in folder.rglob("*"):
                if path.is_file() and (size := path.stat().st_size) > 3e8:
                    manifest["files"][path.relative_to(folder).as_posix()] = {"bytes": size, "sha256": "1" * 64}

        write_manifest(folder, whole)
    done = watched(
        command, str(folder), before="import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 10**9,) * 2)\n"
    )
    assert done.code == (0 if bomb is BOMBS["texts"] else 4), done.stderr  # a million words for "missing" are allowed
    assert done.peak < 400e6
    assert done.seconds < 20  # of a core; up to two are usual
    assert done.heavy == []
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 2_500


def test_an_export_is_never_opened_whatever_it_is(folder: Path) -> None:
    before = load(folder).predict().mean
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"\x08\x01 a program that writes a canary")
    assert refused(folder).file == str(folder / "saved_model" / "saved_model.pb")
    write_manifest(folder)
    np.testing.assert_array_equal(load(folder).predict().mean, before)
    for command in ("predict", "show"):
        done = watched(command, str(folder))
        assert (done.code, done.heavy) == (0, [])


HOOK = """
import sys
FORBIDDEN = {"pickle.find_class", "socket.connect", "socket.bind", "subprocess.Popen", "os.exec", "os.system",
             "os.posix_spawn", "os.fork"}
def hook(event, arguments):
    if event in FORBIDDEN:
        raise SystemExit(f"forbidden: {event}")
    if event == "open" and isinstance(arguments[0], str) and set("wa+x") & set(str(arguments[1])):
        raise SystemExit(f"forbidden: {event} {arguments[:2]}")
sys.addaudithook(hook)
"""


@pytest.mark.parametrize(
    "arguments", [["predict"], ["predict", "--member", "blend", "--json"], ["show"], ["show", "--json"]]
)
def test_nothing_is_executed_fetched_or_written(folder: Path, arguments: list[str]) -> None:
    done = watched(arguments[0], str(folder), *arguments[1:], before=HOOK)
    assert done.code == 0, (done.code, done.stderr)
    assert done.stdout


def test_the_hook_would_notice(folder: Path) -> None:
    loads = "import pickle, collections; pickle.loads(pickle.dumps(collections.OrderedDict))\n"
    for act in (
        loads,
        "import os; os.system('true')\n",
        "import subprocess; subprocess.run(['true'])\n",
        "open('x', 'w')\n",
    ):
        done = subprocess.run(
            [sys.executable, "-c", HOOK + act], capture_output=True, text=True, cwd=folder, check=False
        )
        assert "forbidden" in done.stderr


def test_hostile_text_is_shown_escaped(folder: Path) -> None:
    evil = "\x1b]0;pwn\x07[/bold]x\u202e\r\n"
    change_model(
        folder, lambda model: (model.update(ids=[[evil], ["b"], ["c"]]), model["networks"][0].update(name=evil))
    )
    change_model(
        folder, lambda model: [model[part].update({evil: model[part].pop("gru")}) for part in ("levels", "trust")]
    )
    factors = arrays_of(folder / "calibration.npz")
    np.savez(folder / "calibration.npz", **{evil if name == "gru" else name: one for name, one in factors.items()})
    tensors, rest = [{"name": evil, "dtype": evil, "shape": evil}], {"quantile_levels": [], "horizon": 1, "lookback": 1}
    saved_model = {"signature": evil, "inputs": tensors, "outputs": tensors, **rest}
    texts = {"verdict": evil, "versions": {evil: evil}, "scores": {evil: {evil: evil}}, "saved_model": saved_model}
    write_manifest(folder, lambda manifest: manifest.update(texts))
    for arguments in (["show"], ["show", "-v"], ["show", "--json"]):
        done = watched(arguments[0], str(folder), *arguments[1:])
        assert done.code == 0, done.stderr
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(done.stdout + done.stderr)
    change_model(folder, lambda model: model.update(winner=evil + "?"))
    done = watched("show", str(folder))
    assert done.code == 4
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(done.stdout + done.stderr)


def test_json_at_its_limits_is_read() -> None:
    text = json.dumps([["x" * 40] for _ in range(800_000)]).encode()
    assert len(parse_json(text, "x")) == 800_000
    with pytest.raises(ModelError, match="too many"):
        parse_json(b"[" + b"1," * 2_600_000 + b"1]", "x")


EVIL = """
import sys
import tensorflow as tf
class Evil(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float64, name="y")])
    def serve(self, y):
        with tf.control_dependencies([tf.io.write_file(sys.argv[2], "canary")]):
            return {"y_hat": tf.identity(y)}
evil = Evil()
tf.saved_model.save(evil, sys.argv[1], signatures={"serving_default": evil.serve})
"""
VICTIM = """
import sys
import tensorflow as tf
call = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
call(y=tf.zeros([1, 3], tf.float64))
"""


@pytest.mark.network
def test_a_hostile_saved_model_writes_its_canary_elsewhere_only(folder: Path, tmp_path: Path) -> None:
    before, canary = load(folder).predict().mean, tmp_path / "canary"
    shutil.rmtree(folder / "saved_model")
    subprocess.run(
        [sys.executable, "-c", EVIL, str(folder / "saved_model"), str(canary)], check=True, stderr=subprocess.DEVNULL
    )
    assert refused(folder).code in ("GF-M07", "GF-M08")
    write_manifest(folder)
    for command in ("predict", "show"):
        done = watched(command, str(folder))
        assert (done.code, done.heavy) == (0, [])
    np.testing.assert_array_equal(load(folder).predict().mean, before)
    assert not canary.exists()
    subprocess.run([sys.executable, "-c", VICTIM, str(folder / "saved_model")], check=True, stderr=subprocess.DEVNULL)
    assert canary.read_text() == "canary"
