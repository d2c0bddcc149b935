import pytest

from xstilts.tasks.ui_bitext import _clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("%(count)s of %(total)d pages", "of pages"),
        ("Page {number} of ${total}", "Page of"),
        ("<b>Bold</b> &nbsp; move", "Bold move"),
        ("Delete %s now", "Delete now"),
        ("100% sure about it", "100% sure about it"),
    ],
)
def test_placeholders_and_tags_are_stripped(raw, clean):
    assert _clean(raw) == clean
