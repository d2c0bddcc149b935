"""The methods section: how models were trained and how the statistics were computed."""

from xstilts.analysis.names import language_name
from xstilts.config.recipe import Fewshot, Recipe
from xstilts.plurals import plural

_SELECTION = {
    "none": "Few-shot training runs for a fixed number of steps and keeps the last checkpoint.",
    "english_dev": "Few-shot training keeps the checkpoint with the best score on development data of the source "
    "language.",
    "target_dev": "Few-shot training keeps the checkpoint with the best score on development data of the target "
    "language. Such data are not available in a true few-shot setting, so these scores are oracles.",
}
_PRIMARY = (
    "The primary contrast was specified before the recipe was run and is not corrected. The p values of all other "
    "contrasts on this page are corrected together"
)
_NO_PRIMARY = (
    "No primary contrast was specified before the recipe was run. The p values of all contrasts on this page are "
    "corrected together"
)


def paragraphs(recipe: Recipe, resamples: int) -> tuple[str, ...]:
    """Paragraphs on training, on differences and confidence intervals, and on the correction."""
    return (
        _training_paragraph(recipe),
        "Scores are computed for each language, seed and draw, then averaged over draws, seeds and languages with "
        "equal weight for every language. A difference compares arms on the same items, seeds and draws.",
        "The 95% confidence intervals (CIs) are t intervals. Their variance has three components: seeds, draws of the "
        f"shots, and items. The component of items comes from {resamples:,} resamples. Each resample keeps a random "
        "half of the groups, the same ones in every language and arm. (A group is what items have in common, such as a "
        "template, a country or a passage.) Languages are fixed: the intervals do not generalise to other languages.",
        f"{_PRIMARY if recipe.primary else _NO_PRIMARY} (Holm). Interactions in single languages are a separate "
        "family. “Significant” means p < 0.05 after correction. The minimum detectable effect (MDE) is the true "
        "difference that this design detects with 80% power at the 5% level. A result that is not significant does not "
        "exclude differences within its interval.",
    )


def _training_paragraph(recipe: Recipe) -> str:
    development_languages = ", ".join(map(language_name, recipe.development_languages))
    tuning = (
        f" Hyperparameters were tuned on {development_languages}, which no mean includes."
        if development_languages
        else ""
    )
    draws = f" and {plural(recipe.fewshot.draws, 'draw')} of the shots" if recipe.fewshot else ""
    fewshot = f" {_fewshot_sentences(recipe.fewshot)}" if recipe.fewshot else ""
    return (
        f"The whole chain, including intermediate training, was run with {plural(len(recipe.seeds), 'seed')}{draws}. "
        "The target model is the checkpoint with the best score on development data of the source language."
        f"{_refit_sentence(recipe)}"
        f"{fewshot}{tuning}{_FROZEN if recipe.frozen else ''}{_MAJORITY if recipe.majority else ''}"
    )


def _refit_sentence(recipe: Recipe) -> str:
    refit = [name for name, target in recipe.targets.items() if target.train.refit]
    if not refit:
        return ""
    return (
        f" After training, the head of {' and '.join(refit)} was replaced by the closed-form solution on the states of "
        "the training data."
    )


_FROZEN = (
    " The frozen encoder is the encoder before target training. In classification, tagging and multiple choice of text "
    "it gets a head that is fitted to the states of the English examples and the shots, as a baseline for all "
    "training: logistic regression for the classes of texts, otherwise linear discriminant analysis."
)

_MAJORITY = (
    " A trivial baseline always predicts the most frequent label of the English training data (for choices the most "
    "frequent position of the answer). In tagging it predicts the most frequent tag of each word in that data and the "
    "shots, and for unknown words the most frequent tag of all."
)


def _fewshot_sentences(fewshot: Fewshot) -> str:
    selection = [_SELECTION[fewshot.selection]] if any(method.takes_steps for method in fewshot.methods) else []
    return " ".join([*selection, *(method.explanation for method in fewshot.methods if method.explanation)])
