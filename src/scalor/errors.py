"""The one kind of error that a user can cause, and its one sentence."""


class UserError(ValueError):
    """A mistake in what the user gave: message says what came, what was wanted and what to do.

    The command line prints the message alone and leaves with exit code 2.
    """
