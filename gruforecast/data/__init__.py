"""From bytes to a `Panel`: reading, stamps, frequency, season."""
