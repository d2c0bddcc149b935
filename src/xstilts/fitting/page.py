"""The HTML report of a fitted model. Does not import torch."""

import base64
import hashlib
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xstilts.analysis.names import language_name, points, seconds_name
from xstilts.fitting import page_plots, page_view, wording
from xstilts.fitting.report import FitReport
from xstilts.plurals import plural
from xstilts.report.markup import with_code

_EXCERPT = 600
"""Characters of an example that are shown."""
_EXAMPLES = 100
"""Wrong predictions, and labels to check, that are shown."""
_SHORT = 60
"""Characters of a label in a table."""


def report_page(report: FitReport) -> str:
    """One HTML file that loads nothing: its style is inline, its plots are SVG, and it has no script."""
    style = "\n".join(
        resources.files(package).joinpath(name).read_text(encoding="utf-8")
        for package, name in (("xstilts.report", "page.css"), ("xstilts.fitting", "page.css"))
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=PackageLoader("xstilts.fitting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "with_code": with_code,
        "points": points,
        "percent": wording.percent,
        "plural": plural,
        "language": language_name,
        "duration": seconds_name,
        "excerpt": lambda text: wording.excerpt(text, _EXCERPT),
        "short": lambda text: wording.excerpt(text, _SHORT),
        "capitalised": wording.capitalised,
    }
    calibration = report.calibration
    html = environment.get_template("page.html.j2").render(
        report=report,
        most=_EXAMPLES,
        style=Markup(style),
        style_hash=Markup(f"sha256-{digest}"),
        wording=wording,
        view=page_view,
        reliability=Markup(page_plots.reliability(calibration.bins)) if calibration and calibration.bins else "",
        curve=Markup(page_plots.learning_curve(report.curve, report.metric_name)) if report.curve else "",
    )
    return wording.CONTROL.sub(" ", html)
