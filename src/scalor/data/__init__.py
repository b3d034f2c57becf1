"""Floor 1: where clips come from. A data set has a length and gives `Clip` number ``index``, pure in (seed, index)."""
