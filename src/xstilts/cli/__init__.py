"""The command line: data goes to stdout, progress to stderr. Exit codes: 0 success, 1 a stage failed, 2 user error."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from xstilts.errors import RecipeError, StageError, UserError

COMMANDS = {
    "run": ("runs:run", "Run a recipe; what the store already holds is not done again."),
    "plan": ("runs:plan", "Tell what a run would find and do: hits, misses, time, memory, disk."),
    "status": ("runs:status", "Show which stages of a recipe are done, running or missing."),
    "results": ("evidence:results", "Print the scores, the answer to a query, or the transfer matrix."),
    "report": ("evidence:report", "Write the report of what the store holds."),
    "compare": ("evidence:compare", "Compare two arms, paired over items."),
    "claims": ("claims:claims", "Check the statements of a paper against the scores."),
    "predict": ("artifacts:predict", "Label the rows of a file."),
    "export": (
        "artifacts:export",
        "Write a trained artifact as a transformers checkpoint, or an arm as an XTREME submission.",
    ),
    "gc": ("artifacts:gc", "Remove what no recipe needs."),
    "tasks": ("listings:tasks", "List the shipped tasks."),
    "encoders": ("listings:encoders", "List the encoders that have a name."),
    "doctor": ("listings:doctor", "Show what this machine has."),
}


def build_app() -> App:
    """The verbs; each one's module is imported when it is asked for."""
    app = App(
        name="xstilts",
        help="Intermediate-task training and few-shot adaptation for multilingual encoders.",
        version=_version,
        default_parameter=Parameter(negative=()),
        suppress_keyboard_interrupt=False,
        help_format="plaintext",
    )
    for number, (verb, (where, about)) in enumerate(COMMANDS.items()):
        app.command(f"xstilts.cli.{where}", name=verb, help=about, sort_key=number)
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Ends the process with the exit code of the verb."""
    sys.exit(call(sys.argv[1:] if tokens is None else tokens))


def call(tokens: Sequence[str]) -> int:
    """Runs one verb and returns its exit code. User errors are printed; bugs are raised.

    With `--json`, the issues of an invalid recipe are printed to stdout too.
    """
    try:
        build_app()(
            tokens,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except StageError as error:
        return _tell(error, 1)
    except (UserError, CycloptsError) as error:
        if isinstance(error, RecipeError) and "--json" in tokens:
            _print_issues(error)
        return _tell(error, 2)
    except BrokenPipeError:
        # The reader of stdout has left, as `head` does; the interpreter must not flush into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print(
            "interrupted: finished stages are kept in the store; the same command goes on from there", file=sys.stderr
        )
        return 130
    return 0


def _tell(error: Exception, code: int) -> int:
    print(f"error: {str(error).strip()}", file=sys.stderr)
    return code


def _print_issues(error: RecipeError) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps({"error": error.message, "issues": [asdict(issue) for issue in error.issues]}, indent=2))


def _version() -> str:
    from importlib.metadata import version

    return version("xstilts")
