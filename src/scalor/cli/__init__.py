"""Floor 7: the command line. One file per command, heavy imports inside the handlers."""
