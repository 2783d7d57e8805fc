"""TensorFlow lives here. Importing this package fixes what makes runs repeatable before TensorFlow is loaded."""

from __future__ import annotations

import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # fixed, because it changes the last bits of results
os.environ["KERAS_BACKEND"] = "tensorflow"

import tensorflow as tf

with contextlib.suppress(RuntimeError):  # already in use: the caller has decided
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_visible_devices([], "GPU")
