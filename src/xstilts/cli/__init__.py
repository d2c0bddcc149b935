"""The command line: data on stdout, progress on stderr. Exit codes: 0 success, 1 failed stage, damaged
store or error of the operating system, 2 user error, 130 interrupt."""

# Imports are inside functions, so that an interrupt while they load is handled like any other.
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

COMMANDS = {
    "fit": ("fitting:fit", "Fit a model to English rows and a few rows in your language."),
    "label": ("labelling:label", "Choose the rows of a pool to label next."),
    "run": ("runs:run", "Run the missing stages of a recipe."),
    "plan": ("runs:plan", "List cached and missing stages, and estimate time, memory and disk."),
    "status": ("runs:status", "Show which stages of a recipe are done, running or missing."),
    "results": ("evidence:results", "Print the scores, the result of a query, or the transfer matrix."),
    "report": ("evidence:report", "Write the report of the stored results."),
    "compare": ("evidence:compare", "Compare two arms, paired over items."),
    "claims": ("claims:claims", "Check the statements of a paper against the scores."),
    "predict": ("artifacts:predict", "Predict the labels of the rows of a file."),
    "serve": ("serving:serve", "Serve a page and a JSON API for a fitted model."),
    "export": (
        "artifacts:export",
        "Write a model as ONNX, transformers, sentence-transformers or SetFit, or an arm as an XTREME submission.",
    ),
    "gc": ("artifacts:gc", "Remove artifacts that no recipe needs."),
    "verify": ("artifacts:verify", "Read every file of a store and compare it with its checksum."),
    "tasks": ("listings:tasks", "List the shipped tasks."),
    "encoders": ("listings:encoders", "List the encoders with a short name."),
    "doctor": ("listings:doctor", "Show versions, hardware and caches of this machine."),
}


def build_app() -> "App":
    """The app with all commands. The module of a command is imported when the command is called."""
    from cyclopts import App, Parameter

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
    app.register_install_completion_command(help="Install completion for bash, zsh or fish.", sort_key=len(COMMANDS))
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    code = call(sys.argv[1:] if tokens is None else tokens)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt during the interpreter's exit prints no traceback
    sys.exit(code)


def call(tokens: Sequence[str]) -> int:
    """Run a command and return its exit code. Errors of the user and of the operating system are printed; other
    exceptions are raised.

    With `--json`, the issues of an invalid recipe are also printed to stdout.
    """
    try:
        return _call(tokens)
    except KeyboardInterrupt:
        return _print_interrupt()
    except Exception as error:
        if _follows_interrupt(error):  # some libraries turn an interrupt while they load into another error
            return _print_interrupt()
        raise


def _call(tokens: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    from xstilts.errors import DamageError, StageError, UserError, os_error

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # arguments may hold bytes that are not UTF-8
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
    except UserError as error:
        _print_issues(error, tokens)
        return _print_error(error, 2)
    except CycloptsError as error:
        command = " ".join(("xstilts", *(error.command_chain or ())))
        return _print_error(UserError(_usage_problem(error), f"see `{command} --help`"), 2)
    except BrokenPipeError:
        _discard_output()  # the reader of stdout has ended, as `head` does
    except OSError as error:
        code = _print_error(os_error(error), 1)
        try:
            sys.stdout.flush()
        except OSError:
            _discard_output()
        return code
    return 0


def _usage_problem(error: "CycloptsError") -> str:
    from cyclopts import MissingArgumentError, UnusedCliTokensError

    if isinstance(error, UnusedCliTokensError):
        return f"unexpected argument{'s' * (len(error.unused_tokens or ()) > 1)}: {' '.join(error.unused_tokens or ())}"
    if isinstance(error, MissingArgumentError) and error.argument is not None and error.keyword is None:
        return f"the argument {error.argument.name} is missing"
    return str(error).strip()


def _print_issues(error: Exception, tokens: Sequence[str]) -> None:
    from dataclasses import asdict

    from xstilts.cli.options import print_json
    from xstilts.errors import RecipeError

    if isinstance(error, RecipeError) and "--json" in tokens:
        print_json({"error": error.message, "issues": [asdict(issue) for issue in error.issues]})


def _discard_output() -> None:
    """The interpreter must not flush to a stdout that cannot be written to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_interrupt() -> int:
    print("interrupted: finished stages are in the store; run the same command to continue", file=sys.stderr)
    return 130


def _follows_interrupt(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _print_error(error: Exception, code: int) -> int:
    print(f"error: {str(error).strip()}", file=sys.stderr)
    return code


def _version() -> str:
    from importlib.metadata import version

    return version("xstilts")
