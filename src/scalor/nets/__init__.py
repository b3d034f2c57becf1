"""Floor 1: network parts; layers are computed from sizes."""
