"""Floor 8: the web app, beside the command line. It runs the commands, each in a process of its own."""
