"""Floor 5: `train` learns generated clips, `fit` the user's own footage. Lightning is imported late."""
