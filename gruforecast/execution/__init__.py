"""Work that survives a kill: jobs, journal, worker processes, files written whole, the machine."""
