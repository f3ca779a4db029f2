"""The report as one HTML file that stands alone: nothing is fetched, nothing runs. Needs the extra `report`."""

from __future__ import annotations

import base64
import hashlib

from reconciler.documents.images import NO_IMAGES, ImagesByAsset
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.documents.shown import ShowDoc
from reconciler.errors import not_installed
from reconciler.model import WRITE_RATE, Rate
from reconciler.report.html_page import page


def html(
    document: PlanDoc | AuditDoc | ApplyDoc | ShowDoc,
    images: ImagesByAsset = NO_IMAGES,
    *,
    rate: Rate = WRITE_RATE,
) -> str:
    """The document as a page, with the pictures of `gallery` embedded; `rate` is the one at which covers may be set.

    Raises:
        UsageError: Jinja2 is not installed.
    """
    try:
        import jinja2  # an extra, and slow to import
    except ModuleNotFoundError as error:
        raise not_installed(error, "The HTML report", "report") from error
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.PackageLoader("reconciler", "report/templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # The policy names the one style that is ours, by the hash of exactly what stands between its tags.
    style = environment.get_template("style.css").render()
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    view = page(document, images, rate)
    return environment.get_template("report.html.j2").render(page=view, style_hash=allowed)
