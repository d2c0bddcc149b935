"""How the numbers were made, in plain language."""

from xstilts.analysis.names import count, language_name
from xstilts.config.recipe import Fewshot, Recipe

_SELECTION = {
    "none": "Few-shot training runs for a fixed number of steps and keeps the last.",
    "english_dev": "Few-shot training keeps the step that scored best on development data of the source language.",
    "target_dev": "Few-shot training keeps the step that scored best on development data of the target language, which "
    "nobody has who has only the shots: these scores are oracles.",
}


_CORRECTION = {
    True: "The primary contrast was named before anything ran. All other contrasts on this page are corrected together",
    False: "No contrast was named before the recipe ran. All contrasts on this page are corrected together",
}


def paragraphs(recipe: Recipe, resamples: int) -> tuple[str, ...]:
    """What was trained, how differences and intervals were computed, and how they are corrected."""
    return (
        _training(recipe),
        "Every score is computed for each language, seed and draw, then averaged over draws, seeds and languages, each "
        "language counting the same. A difference compares arms on the same items, seeds and draws.",
        "The 95% intervals are t intervals. What is uncertain has three parts: how far results differ from seed to "
        f"seed, from draw to draw, and with the items; the last comes from {resamples:,} resamples, each keeping "
        "a random half of the groups (a group is what items share: a template, a country, a passage), the same groups "
        "in every language and arm. With few seeds the interval is wide where seeds differ. The languages are taken as "
        "they are: the intervals speak of these languages, not of others.",
        f"{_CORRECTION[recipe.primary is not None]} by Holm's method; interactions in single languages are a family of "
        "their own, corrected among themselves. The smallest detectable difference is what this design would have "
        "found in four of five repetitions at the 5% level; a smaller true difference may well exist where an interval "
        "includes zero.",
    )


def _adaptation(fewshot: Fewshot) -> str:
    trained = [_SELECTION[fewshot.selection]] if any(method.takes_steps for method in fewshot.methods) else []
    return " ".join([*trained, *(method.explanation for method in fewshot.methods if method.explanation)])


def _training(recipe: Recipe) -> str:
    tuned = ", ".join(map(language_name, recipe.development_languages))
    held = f" Settings were tuned on {tuned}, which no mean contains." if tuned else ""
    draws = f" and {count(recipe.fewshot.draws, 'draw')} of the shots" if recipe.fewshot else ""
    selection = f" {_adaptation(recipe.fewshot)}" if recipe.fewshot else ""
    return (
        f"The whole chain, intermediate training included, was run with {count(len(recipe.seeds), 'seed')}{draws}. The "
        f"target model is the checkpoint that scored best on development data of the source language.{selection}{held}"
    )
