"""Which configuration to try next, and trying it."""
