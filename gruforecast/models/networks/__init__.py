"""The networks in numpy: what they are, what they see, how they forecast."""
