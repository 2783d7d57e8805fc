"""Forecasts over HTTP: strict in what it takes, bounded in what it does, and without TensorFlow."""
