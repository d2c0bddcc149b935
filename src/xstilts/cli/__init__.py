"""The command line: data on stdout, progress on stderr. Exit codes: 0 success, 1 failed stage or damaged
file, 2 user error."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from cyclopts import App, CycloptsError, Parameter

from xstilts.errors import DamageError, RecipeError, StageError, UserError

COMMANDS = {
    "run": ("runs:run", "Run the missing stages of a recipe."),
    "plan": ("runs:plan", "List cached and missing stages, and estimate time, memory and disk."),
    "status": ("runs:status", "Show which stages of a recipe are done, running or missing."),
    "results": ("evidence:results", "Print the scores, the result of a query, or the transfer matrix."),
    "report": ("evidence:report", "Write the report of the stored results."),
    "compare": ("evidence:compare", "Compare two arms, paired over items."),
    "claims": ("claims:claims", "Check the statements of a paper against the scores."),
    "predict": ("artifacts:predict", "Predict the labels of the rows of a file."),
    "export": (
        "artifacts:export",
        "Write a trained artifact as a transformers checkpoint, or an arm as an XTREME submission.",
    ),
    "gc": ("artifacts:gc", "Remove artifacts that no recipe needs."),
    "verify": ("artifacts:verify", "Read every file of a store and compare it with its checksum."),
    "tasks": ("listings:tasks", "List the shipped tasks."),
    "encoders": ("listings:encoders", "List the encoders with a short name."),
    "doctor": ("listings:doctor", "Show versions, hardware and caches of this machine."),
}


def build_app() -> App:
    """The app with all commands. The module of a command is imported when the command is called."""
    app = App(
        name="xstilts",
        help="Intermediate-task training and few-shot adaptation for multilingual encoders.",
        version=_version,
        default_parameter=Parameter(negative=()),
        suppress_keyboard_interrupt=False,
        help_format="plaintext",
    )
    for number, (name, (function, summary)) in enumerate(COMMANDS.items()):
        app.command(f"xstilts.cli.{function}", name=name, help=summary, sort_key=number)
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    sys.exit(call(sys.argv[1:] if tokens is None else tokens))


def call(tokens: Sequence[str]) -> int:
    """Run a command and return its exit code. User errors are printed; other exceptions are raised.

    With `--json`, the issues of an invalid recipe are also printed to stdout.
    """
    try:
        build_app()(
            tokens,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except (StageError, DamageError) as error:
        return _print_error(error, 1)
    except (UserError, CycloptsError) as error:
        if isinstance(error, RecipeError) and "--json" in tokens:
            from xstilts.cli.options import print_json

            print_json({"error": error.message, "issues": [asdict(issue) for issue in error.issues]})
        return _print_error(error, 2)
    except BrokenPipeError:
        # The reader of stdout has ended, as `head` does. The interpreter must not flush to the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("interrupted: finished stages are in the store; run the same command to continue", file=sys.stderr)
        return 130
    return 0


def _print_error(error: Exception, code: int) -> int:
    print(f"error: {str(error).strip()}", file=sys.stderr)
    return code


def _version() -> str:
    from importlib.metadata import version

    return version("xstilts")
