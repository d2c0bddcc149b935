"""Labels: how a task rewrites them, and which differ in spelling alone."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

_BRACKETED = re.compile(r"""\[\s*(['"]?)(?P<inner>.*?)\1\s*\]""", re.DOTALL)
_QUOTED = re.compile(r"""(['"])(?P<inner>.*)\1""", re.DOTALL)
_TRUTH = {"true": "1", "false": "0"}
_INVISIBLE = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def common_form(label: str) -> str:
    """What is left of a label without case, width, Unicode form, invisible characters, blanks, quotes, the brackets of
    a list of one, and the form of a number (1, 1.0, true). Two labels with one common form differ in spelling alone."""
    text = unicodedata.normalize("NFKC", label)
    text = "".join(c for c in text if c.isspace() or not _is_invisible(c))
    text = " ".join(unicodedata.normalize("NFKC", text.casefold()).split())
    for pattern in (_BRACKETED, _QUOTED):
        if match := pattern.fullmatch(text):
            text = match["inner"].strip()
    return _number_form(_TRUTH.get(text, text))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or ord(character) in _VARIATION_SELECTORS


def _number_form(text: str) -> str:
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
        return text
    whole, _, fraction = text.lstrip("+").partition(".")
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in whole)
    fraction = "".join(str(unicodedata.decimal(c)) for c in fraction).rstrip("0")
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    digits = digits.lstrip("0") or "0"
    if not fraction:
        return "0" if digits == "0" else sign + digits
    return f"{sign}{digits}.{fraction}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRules:
    """How a task rewrites the labels of its files: class numbers to names, then by `renamed`, then their spelling."""

    names: tuple[str, ...] = ()
    """The names of class numbers, from 0."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    normalise: bool = False
    """Whether labels are replaced by their common form."""

    def apply(self, label: str) -> str:
        """The label as the task has it. Raises IndexError for a class number without a name."""
        number = _number_form(label)
        if self.names and number.isdecimal():
            label = self.names[int(number)]
        label = self.renamed.get(label, label)
        return common_form(label) if self.normalise else label

    def apply_to_tag(self, tag: str) -> str:
        """The same for a tag, whose prefix (B- or I-) is kept."""
        number = _number_form(tag)
        if self.names and number.isdecimal():
            tag = self.names[int(number)]
        if tag in self.renamed or tag == "O":
            return self.renamed.get(tag, tag)
        prefix, mark, kind = tag.partition("-")
        if not mark or len(prefix) != 1:
            return self.apply(tag)
        return f"{prefix}-{LabelRules(renamed=self.renamed, normalise=self.normalise).apply(kind)}"


AS_WRITTEN = LabelRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDifferences:
    """How the labels of a split differ from those that a model is trained with."""

    respelled: Mapping[str, str]
    """Labels that differ in spelling alone, with the label of the training data."""
    new: tuple[str, ...]
    """Labels that the training data lack."""
    absent: tuple[str, ...]
    """Labels of the training data that the split lacks."""

    disjoint: bool
    """Whether no label is one of the training data, not even in another spelling."""


def compare_labels(labels: Collection[str], known: Collection[str]) -> LabelDifferences:
    """The labels of a split against the `known` labels of the training data."""
    by_form = {common_form(label): label for label in known}
    unknown = [label for label in dict.fromkeys(labels) if label not in known]
    respelled = {label: by_form[common_form(label)] for label in unknown if common_form(label) in by_form}
    return LabelDifferences(
        respelled=respelled,
        new=tuple(label for label in unknown if label not in respelled),
        absent=tuple(label for label in known if label not in labels and label not in respelled.values()),
        disjoint=bool(unknown) and len(unknown) == len(set(labels)) and not respelled,
    )


def spelling_variants(labels: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of two labels or more that differ in spelling alone."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys(labels):
        groups.setdefault(common_form(label), []).append(label)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
