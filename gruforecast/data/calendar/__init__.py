"""Steps of time, seasons, holidays and time zones."""
