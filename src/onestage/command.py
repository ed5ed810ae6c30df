"""What every command of the project shares: a known error is one line and exit code 1."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from onestage.errors import OnestageError

F = TypeVar("F", bound=Callable[..., Any])


class OneLineCommand(click.Command):
    """A click command that turns the project's own errors into one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; any exception but ours and the system's is a bug with a traceback."""
        try:
            return super().invoke(ctx)
        except OnestageError as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        except OSError as error:  # a folder that cannot be written, a host that does not answer
            raise click.ClickException(" ".join(str(error).split()) or repr(error)) from error


def path_option(name: str, help_text: str) -> Callable[[F], F]:
    """Return a required `--name` option that takes a path."""
    return click.option(f"--{name}", type=click.Path(path_type=Path), required=True, help=help_text)


params_option = click.option(
    "--params",
    "params_file",
    type=click.Path(path_type=Path),
    default=Path("params.yaml"),
    show_default=True,
    help="Parameter file.",
)
