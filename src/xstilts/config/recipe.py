"""The recipe as pydantic models. Unknown keys are errors, and so are missing fields without a default."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from xstilts.config.files import Partition, TaskFiles
from xstilts.config.splits import count_of
from xstilts.config.training import (
    Align,
    Frozen,
    Fusion,
    HeadStyle,
    Mlm,
    NotNegative,
    Positive,
    Sampling,
    Train,
    Translate,
    Unlabelled,
    invalid,
)
from xstilts.methods import METHODS, Method
from xstilts.methods.full import Full
from xstilts.methods.method import FewshotMethod

Selection = Literal["none", "english_dev", "target_dev"]
FixedShotSet = Annotated[str, Field(pattern=r"^[1-9]\d*x[1-9]\d*$")]
FIXED_SHOTS = "fixed-shots"
"""The method name of arms whose shots are a published set."""
FROZEN = "frozen"
"""The baseline without training on the target task: a closed-form head on the encoder that precedes it."""
MAJORITY = "majority"
"""The trivial baseline: the most frequent label of the training data, whatever the input."""


class Intermediate(Frozen):
    """Training applied before the target task. An empty block is the baseline."""

    tasks: tuple[str, ...] = ()
    """Names of shipped tasks, or of tasks defined in the recipe."""
    language: str = "en"
    """Language of the training data."""
    sampling: Sampling = Sampling()
    max_examples: Positive | None = None
    """Maximum number of training examples per task."""
    shuffle_labels: bool = False
    """Control: the same training with labels shuffled within each task."""
    translate: Translate | None = None
    """Train on translations of the training data."""
    match_steps_of: str | None = None
    """Control: no intermediate task. The target is trained for as many additional steps as that arm."""
    modality: Literal["text", "images"] | None = None
    """Control: train and evaluate the target with its text only, or with its images only."""
    mlm: Mlm | None = None
    """Masked-language modelling, alone or together with the tasks."""
    align: Align | None = None
    """Alignment of one layer before the tasks."""
    train: Train = Train()

    @model_validator(mode="after")
    def _one_kind(self) -> "Intermediate":
        if self.match_steps_of and self.trains:
            kind = next(name for name in ("tasks", "mlm", "align") if getattr(self, name))
            message = f"an arm with `match_steps_of` trains nothing before the target, but this one has `{kind}`"
            raise invalid("conflicting-keys", message, "remove one of the two")
        if self.translate and not self.tasks:
            message = "`translate` translates the data of the arm's `tasks`, and it has none"
            raise invalid("missing-key", message, "name `tasks`, or remove `translate`")
        return self

    @property
    def trains(self) -> bool:
        """Whether the arm trains the encoder before the target."""
        return bool(self.tasks or self.mlm or self.align)

    @property
    def reads(self) -> tuple[str, ...]:
        """The tasks whose data the arm trains on."""
        return (*self.tasks, self.align.task) if self.align else self.tasks


class Target(Frozen):
    """A target task: trained in the source language, evaluated in every language."""

    source_language: str = "en"
    """Language of the training data, and of the development data for checkpoint selection."""
    languages: tuple[str, ...] | None = None
    """Evaluated languages; default: all languages of the task."""
    split: str = "test"
    """Evaluated split."""
    max_examples: Positive | None = None
    """Maximum number of training examples."""
    max_items: Positive | None = None
    """Maximum number of evaluated items per language; the same items in every arm."""
    translate_test: bool = False
    """Control: evaluate zero-shot models also on the machine-translated (English) version of the evaluated split, in
    languages that have one (`test-mt` for `test`)."""
    intermediates: tuple[str, ...] | None = None
    """Intermediate arms for this target; default: all."""
    layer: NotNegative | None = None
    """Retrieval and mining: layer of the representation; default: selected with the pretrained encoder."""
    pooling: Literal["mean", "first", "last"] | None = None
    """Retrieval and mining: pooling of token states; default: selected together with the layer, or the encoder's own
    pooling (`xstilts encoders`) if `layer` is set."""
    layer_selection_task: str | None = None
    """Retrieval and mining: the task whose dev split selects layer and pooling, or `other-languages`, which selects
    them for each language on the evaluated items of all other languages. Default: the task's own dev split, or that
    of `ui-bitext`."""
    select_layer_per_arm: bool = False
    """Retrieval and mining: also score each arm with the layer that its own encoder would select."""
    unlabelled: Unlabelled | None = None
    """Unlabelled texts in the scored languages, of the same kind as the scored ones."""
    skip_training: bool = False
    """Image retrieval with a dual encoder (CLIP, SigLIP): evaluate each arm's encoder without training on the task in
    the source language. Shots, if any, adapt that encoder."""
    train: Train = Train()


class Fewshot(Frozen):
    """Adaptation with k examples in the target language."""

    shots: tuple[Positive | FixedShotSet, ...] = (4,)
    """Values of k: examples per class for classification, sentences for tagging, items otherwise (in `xgqa`, images
    with all their questions). `100x5` is the name of a published set."""
    sampled: tuple[Positive, ...] | None = None
    """The values of `shots` that are sampled; default: all whole numbers. Other values only use published sets."""
    draws: Positive = 3
    """Numbered, nested, stratified samples of the shots; the same in every arm and seed."""
    methods: tuple[Method, ...] = (Full(),)
    """Few-shot methods: names (`methods: [full, lda]`), or blocks with settings (`methods: [{method: lda, shrinkage:
    0.5}]`); each method once. With `head` or `lora` and no step selection, all k and draws of a language are trained in
    one batch, so a change of `shots` or `draws` retrains all of them."""
    fixed_shots: bool = False
    """Adapt also to the published few-shot sets of k images, concepts or pairs, with the first method. Languages
    without a set of that k are skipped."""
    tasks: tuple[str, ...] | None = None
    """Targets to adapt; default: every trained target."""
    languages: tuple[str, ...] | None = None
    """Languages to adapt to; default: those of the target, without the source language."""
    intermediates: tuple[str, ...] | None = None
    """Intermediate arms to adapt; default: all."""
    selection: Selection = "none"
    """Checkpoint selection: the last step, the best step on English development data, or the best step on
    target-language development data (an oracle). Step 0, the unchanged weights, is a candidate."""
    also_select: Literal["english_dev"] | None = None
    """Control: also evaluate the best step on English development data."""
    more_english: bool = False
    """Control: the same number of source-language examples instead of the shots."""
    multilingual: bool = False
    """Adapt to the shots of all languages together, with the first method: one model, or for `lda` and `logreg` with
    classes one head per scored language, after each language's own offset is removed. `auto` does not cross-validate
    here."""
    without_target: bool = False
    """Control: shots on an encoder that was not trained on the target task in the source language."""
    train: Train = Train(epochs=5, batch_size=16, learning_rate=2e-4, head_learning_rate=5e-4)

    @field_validator("methods")
    @classmethod
    def _each_method_once(cls, methods: tuple[FewshotMethod, ...]) -> tuple[FewshotMethod, ...]:
        names = [method.name for method in methods]
        if repeated := [name for number, name in enumerate(names) if name in names[:number]]:
            raise invalid("duplicate-value", f"`methods` lists {repeated[0]!r} twice", "remove one of the two")
        return methods


def _known_method(name: str) -> str:
    if name not in (FIXED_SHOTS, FROZEN, MAJORITY) and name not in METHODS:
        hint = f"the methods are {', '.join(METHODS)}, {FIXED_SHOTS}, {FROZEN}, {MAJORITY}"
        raise invalid("invalid-value", f"there is no few-shot method {name!r}", hint)
    return name


MethodName = Annotated[str, AfterValidator(_known_method)]
"""The name of a few-shot method, `fixed-shots`, `frozen` or `majority`."""


class Arm(Frozen):
    """One configuration to compare: intermediate training, shots and method."""

    intermediate: str
    shots: NotNegative | FixedShotSet = 0
    method: MethodName = "full"

    @property
    def named(self) -> tuple[str, int]:
        """Method and number of shots, as in the scores."""
        return fixed_shots_arm(self.shots) if self.method == FIXED_SHOTS else (self.method, int(self.shots))


def fixed_shots_arm(k: int | str) -> tuple[str, int]:
    """Method and number of shots of a published set, as in the scores; the method distinguishes 100x5 from 500."""
    method = FIXED_SHOTS if isinstance(k, int) else f"{FIXED_SHOTS}-{k}"
    return method, count_of(k)


class Primary(Frozen):
    """The primary contrast, named before the recipe runs."""

    task: str
    treatment: Arm
    baseline: Arm
    languages: tuple[str, ...] | None = None
    """Languages of the contrast; default: those of the target without the source and development languages."""


class Recipe(Frozen):
    """A complete experiment."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    """Lower-case letters, digits, - and _."""
    description: str = ""
    """What the experiment is about, for its report."""
    encoder: str = "e5-small"
    """A name from `xstilts encoders`, a Hub id, a local folder, or TEXT+VISION."""
    revision: str | None = None
    """Commit, tag or branch of a Hub encoder."""
    fusion: Fusion = Fusion()
    """How images enter the text encoder of a TEXT+VISION encoder."""
    seeds: tuple[NotNegative, ...] = (0, 1, 2)
    """Random seeds; each seeds a whole chain, intermediate training included."""
    development_languages: tuple[str, ...] = ()
    """Languages used for tuning. Headline means exclude them."""
    tasks: dict[str, TaskFiles] = {}
    """Your own tasks, by name."""
    partition: dict[str, Partition] = {}
    """Tasks with new splits, if the official ones are not available. Scores are then not benchmark scores."""
    intermediate: dict[str, Intermediate] = {"none": Intermediate()}
    """Intermediate arms, by name."""
    targets: dict[str, Target]
    """Target tasks, by name."""
    head: HeadStyle = "pooled"
    """Head for texts, pairs and choices: `pooled`, a linear layer on the pooled state of the encoder (mean, first or
    last token, as its card says), or `native`, the head that its architecture has in transformers. Models with images
    have their own heads."""
    fewshot: Fewshot | None = None
    frozen: bool = True
    """Also score the encoder before training on the target: a closed-form head on its states (`logreg` for the
    classes of texts, otherwise `lda`), zero-shot and with the shots, for targets of classification, tagging and
    multiple choice of text."""
    majority: bool = True
    """Also score a trivial baseline, for targets whose items have labels: the most frequent label of the training data
    (for choices the most frequent position of the answer), or for tagging the most frequent tag of each word, without
    and with the shots. It reads no text but the words."""
    primary: Primary | None = None
    keep_fewshot_weights: bool = False
    """Keep the weights of few-shot models after evaluation. Other weights are kept until `gc`."""

    def with_precision(self, precision: Literal["bf16", "fp32"]) -> "Recipe":
        """The recipe with every `auto` replaced."""
        return Recipe.model_validate(_with_precision(self.model_dump(), precision))


def _with_precision(value: object, precision: str) -> object:
    if not isinstance(value, dict):
        return value
    return {
        key: precision if (key, inner) == ("precision", "auto") else _with_precision(inner, precision)
        for key, inner in value.items()
    }
