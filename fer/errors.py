"""The one exception for what a user can put right."""

import click


class FerError(click.ClickException):
    """A problem that the user can solve: the message says what is wrong and what to do.

    Click prints it as one `Error: ...` line and exits with status 1, so no traceback reaches the user.
    """
