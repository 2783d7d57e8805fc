"""What forecasts: networks, simpler models, their combination, and the intervals around them."""
