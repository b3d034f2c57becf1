"""Floor 5: tracks on their way to people and to other tools. One file per format; nothing here runs a model."""
