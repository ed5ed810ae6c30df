"""The project's own errors: the only ones that end a stage with one line instead of a traceback."""


class OnestageError(Exception):
    """A fault in inputs or parameters that the user can mend.

    The message is one line: what is wrong, where, what was expected against what was
    found, and the remedy.
    """


class ParamError(OnestageError):
    """A parameter is missing, unknown or mistyped; the message names it in full."""


class InputError(OnestageError):
    """An input file or folder is missing, unreadable or not what its parameters say."""
