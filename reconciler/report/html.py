"""The report as one HTML file that needs nothing else: it fetches nothing and runs nothing. Needs the extra `report`.

The templates read the documents themselves. Every expression in them passes `_inert`, then Jinja2 escapes it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from operator import attrgetter
from typing import TYPE_CHECKING

from reconciler.documents.images import AssetImages, EmbeddedImage
from reconciler.documents.locked import LockDoc
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.documents.shown import ShowDoc, ShownSnapshot
from reconciler.errors import not_installed
from reconciler.model import SnapshotRef
from reconciler.report import phrases
from reconciler.report.lists import grouped
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.util.sanitize import clean, hide, json_text, shorten

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = {"plan": "findings", "audit": "findings", "apply": "apply", "show": "show", "lock": "lock"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)Z")
_LONGEST_WHY = 300


def render(document: PlanDoc | AuditDoc | ApplyDoc | LockDoc | ShowDoc, options: RenderOptions = DEFAULTS) -> str:
    """The document as a page with its images embedded.

    Raises:
        UsageError: Jinja2 is not installed.
    """
    environment = _environment()
    # The policy allows one style by the hash of exactly what is between its tags.
    style = environment.get_template("style.css").render()
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    summary = () if isinstance(document, ShowDoc) else tuple(phrases.summary(document, options))
    template = environment.get_template(f"{_TEMPLATES[document.kind]}.html.j2")
    return template.render(document=document, images=options.images, summary=summary, style_hash=style_hash)


def _environment() -> Environment:
    try:
        import jinja2  # an extra, and slow to import
    except ModuleNotFoundError as error:
        raise not_installed(error, "The HTML report", "report") from error
    environment = jinja2.Environment(
        autoescape=True,  # not select_autoescape: it does not know the ending .html.j2
        finalize=_inert,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.PackageLoader("reconciler", "report/templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        advice=phrases.advice,
        by=lambda items, attribute: grouped(items, attrgetter(attribute)),
        counted=phrases.counted,
        cover=phrases.cover,
        failure=phrases.failure,
        json=json_text,
        locked_picture=phrases.locked_picture,
        moment=_moment,
        place=phrases.place,
        position=phrases.position,
        since_kinds=phrases.since_kinds,
        snapshot=phrases.snapshot,
        take=phrases.take,
        thousands="{:,}".format,
        why=_why,
    )
    environment.globals.update(image_of=_image_of, not_seen=phrases.NOT_SEEN)
    return environment


def _inert(value: object) -> object:
    """A text without secrets and controls. Numbers, and Markup that our own macros made, stay as they are."""
    return clean(hide(value)) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _moment(at: str) -> str:
    """2026-11-22 08:30 UTC; anything that is not a time in our form stays as it is."""
    found = _TIME.fullmatch(at)
    return f"{found[1]} {found[2]} UTC" if found else at


def _why(image: EmbeddedImage | None) -> str:
    """Why there is no picture."""
    return shorten(hide(image.why), _LONGEST_WHY) if image else ""


def _image_of(snapshot: SnapshotRef | ShownSnapshot, images: AssetImages | None) -> EmbeddedImage | None:
    position = (snapshot.set, snapshot.index)
    found = images.snapshots if images else ()
    return next((image for ref, image in found if (ref.set, ref.index) == position), None)
