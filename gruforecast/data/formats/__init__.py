"""Numbers and stamps of time as people write them."""
