"""The model folder and what is exported from it."""
