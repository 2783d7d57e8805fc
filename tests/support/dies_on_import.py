"""A package whose import ends the process, as TensorFlow's does on a processor that it does not know."""

import os

os.abort()
