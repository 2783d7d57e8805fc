"""Files to columns of text."""
