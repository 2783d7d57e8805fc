"""The model as a SavedModel, ONNX or LiteRT file, and the proof that it computes the same."""
