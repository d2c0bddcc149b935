"""Which of 33 intents a voice command has."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Labelled
from xstilts.tasks import _home_assistant as home
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Labelled]]:
    return {"all": (example(command, language) for command in home.commands(paths, language))}


def example(command: home.Command, language: str) -> Labelled:
    return Labelled(id=command.id, group=command.template, language=language, text=command.text, label=command.intent)


TASK = Task(
    name="intent",
    problem="classification",
    suite=("embedded",),
    languages=(
        "en", "ar", "bg", "ca", "cs", "da", "de", "de-CH", "el", "es", "eu", "fi", "fr", "ga", "gl", "he", "hr", "hu",
        "it", "ml", "nb", "ne", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sr", "sr-Latn", "sv", "th", "uk",
        "vi", "zh-CN", "zh-HK", "zh-TW",
    ),
    sources=home.SOURCES,
    read=read,
    fractions=home.FRACTIONS,
    licence=home.LICENCE,
    citation=home.CITATION,
    url=home.URL,
    weaknesses=home.WEAKNESSES,
    split_family=home.FAMILY,
    sizes=measured_sizes("intent"),
)  # fmt: skip
