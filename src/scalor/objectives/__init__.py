"""Floor 4: what a training may lessen beside -ELBO (`extras`), and importance samples of the likelihood."""
