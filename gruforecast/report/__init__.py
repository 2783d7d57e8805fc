"""What was found, as one dict and as text."""
