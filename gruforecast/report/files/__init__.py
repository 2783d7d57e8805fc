"""Tables and scores as files of their own."""
