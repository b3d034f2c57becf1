"""Floor 2: world models. All share one verb: step(world, sight | None, knobs) -> (world, step)."""
