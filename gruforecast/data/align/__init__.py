"""Rows brought onto one clock and one grid of steps."""
