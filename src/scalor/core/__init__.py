"""Floor 0: nouns and pure tensor maths."""
