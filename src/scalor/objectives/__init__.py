"""Floor 4: what a world model is trained for and judged by, beyond its own books."""
