"""Training of the pretrained network: synthetic series, windows, training, evaluation."""
