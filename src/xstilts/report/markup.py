"""Escaped HTML of sentences."""

import re

from markupsafe import Markup, escape


def with_code(text: str) -> Markup:
    """The escaped text with code between backquotes."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
