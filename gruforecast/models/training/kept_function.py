"""A compiled function that is called by a name of its own, so that what was traced and compiled once is found again.

TensorFlow numbers the functions that it traces, and XLA keeps what it compiles under their names: the same program
traced second and not first would never be found. So the definitions get names that follow from what they compute.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.function_pb2 import FunctionDefLibrary
from tensorflow.python.eager.context import context
from tensorflow.types.experimental import PolymorphicFunction

import gruforecast
from gruforecast.arrays import Array
from gruforecast.execution.program_cache import KNOWN_TO, NAME_LENGTH, Program, Programs

PACKAGES = ("tensorflow", "keras", "numpy")
FEATURES = ("model name", "flags", "Features", "CPU implementer", "CPU part")  # what Linux says of a processor
_programs: dict[str, Program | None] = {}  # by key, those that TensorFlow knows in this process; None: one that failed


def _source_digest() -> str:
    """Return the digest of our source code: a kept program is that of these lines and no others."""
    digest, package = hashlib.sha256(), Path(gruforecast.__file__).parent
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package)} {len(content)} ".encode() + content)
    return digest.hexdigest()


SOURCE = _source_digest()  # when it is imported, and not later, when it may be other lines


@functools.cache
def _surroundings() -> str:
    """Return what a compiled program depends on besides its definition: versions, flags and this processor."""
    facts = [f"{name} {version(name)}" for name in PACKAGES]
    return "\n".join([SOURCE, *facts, os.environ.get("XLA_FLAGS", ""), _processor()])


def _processor() -> str:
    """Return the kind of the processor, and what it can do where the system says so."""
    known: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, text = line.partition(":")
            if name.strip() in FEATURES:
                known.setdefault(name.strip(), text.strip())
    system = platform.uname()
    return f"{system.machine} {system.processor} {sorted(known.items()) or system.version}"


class KeptFunction:
    """A compiled function whose programs are kept on disk, where the run says so.

    Args:
        function: with `jit_compile`; it returns one tensor.
        state: what it reads and changes besides its arguments, by name: resources of variables, and constants.
        facts: what it follows from, besides the shapes of its arguments.
    """

    def __init__(self, function: PolymorphicFunction, state: Mapping[str, tf.Tensor], facts: str) -> None:
        self._function = function
        self._state = state
        self._facts = facts
        self._keys: dict[tuple[str, ...], str | None] = {}  # None: TensorFlow is another than that known
        self._untried: dict[str, tuple[Programs | None, bool]] = {}  # never run so far, and whether it was traced here

    def prepare(self, *arguments: tf.Tensor | Array) -> None:
        """Trace the function for arguments of these shapes, or find that done."""
        signature = _signature(arguments)
        if signature in self._keys:
            return
        known = version("tensorflow").startswith(KNOWN_TO)
        key = self._keys[signature] = self._key(signature) if known else None
        if key is not None and key not in _programs:
            kept = Programs.of_run()
            found = kept.find(key) if kept else None
            self._untried[key] = kept, found is None
            program = found or self._traced(key, arguments)
            _programs[key] = program if _defined(program) and set(program.captured) <= set(self._state) else None
        if key is None or _programs[key] is None:
            self._function.get_concrete_function(*arguments)

    def __call__(self, *arguments: tf.Tensor | Array) -> tf.Tensor:
        """Return what the function gives."""
        self.prepare(*arguments)
        key = self._keys[_signature(arguments)]
        if key is None or (program := _programs[key]) is None:
            return self._function(*arguments)
        inputs = [*map(tf.convert_to_tensor, arguments), *(self._state[name] for name in program.captured)]
        kept, is_new = self._untried.pop(key, (None, False))
        if kept is None:
            return _called(key, inputs)
        try:
            with kept.trying(key):
                result = _called(key, inputs)
        except tf.errors.OpError:  # nothing was run so far: once more, in the usual way
            kept.drop(key)
            _programs[key] = None
            return self._function(*arguments)
        if is_new:
            kept.keep(key, program)
        return result

    def _key(self, signature: tuple[str, ...]) -> str:
        """Return the name of the program for arguments of these kinds."""
        facts = "\n".join([self._facts, *signature, *sorted(self._state), _surroundings()])
        return hashlib.sha256(facts.encode()).hexdigest()

    def _traced(self, key: str, arguments: tuple[tf.Tensor | Array, ...]) -> Program:
        """Return the function as it is kept, traced for these arguments, with names made of `key`."""
        concrete = self._function.get_concrete_function(*arguments)
        main, graph = concrete.function_def, concrete.graph.as_graph_def()
        inner = [one for one in graph.library.function if one.signature.name != main.signature.name]
        library = FunctionDefLibrary(function=[main, *inner])
        _rename(library, key)
        names = {id(tensor): name for name, tensor in self._state.items()}
        captured = [names[id(tensor)] for tensor in concrete.captured_inputs]
        return Program(library.SerializeToString(deterministic=True), captured)


def _signature(arguments: tuple[tf.Tensor | Array, ...]) -> tuple[str, ...]:
    return tuple(f"{tf.as_dtype(one.dtype).name} {tuple(one.shape)}" for one in arguments)


def _name(key: str, number: int) -> str:
    return f"gruforecast_{key[:NAME_LENGTH]}_{number}"


def _rename(library: FunctionDefLibrary, key: str) -> None:
    """Give the functions of a library names made of `key`, wherever they are called."""
    names = {one.signature.name: _name(key, number) for number, one in enumerate(library.function)}
    for function in library.function:
        function.signature.name = names[function.signature.name]
        for node in function.node_def:
            node.op = names.get(node.op, node.op)
            for value in node.attr.values():
                for called in [value.func, *value.list.func] if value.HasField("func") else value.list.func:
                    called.name = names.get(called.name, called.name)


def _defined(program: Program) -> bool:
    """Return whether TensorFlow knows the functions of a program now."""
    try:
        for one in FunctionDefLibrary.FromString(program.graph).function:
            context().add_function_def(one)
    except (DecodeError, tf.errors.OpError):
        return False
    return True


def _called(key: str, inputs: list[tf.Tensor]) -> tf.Tensor:
    """Return the one tensor that the first function of a library gives."""
    (result,) = context().call_function(_name(key, 0).encode(), inputs, 1)
    return result
