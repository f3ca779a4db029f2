"""What a report depends on besides its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.documents.images import ImagesByAsset
from reconciler.util.rate import WRITE_RATE, Rate

NO_DRIFT = "No drift. Your covers match the desired state."
NO_CHANGES = "No changes. Your covers match the desired state."


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the document of a run does not say.

    Attributes:
        calls: how many requests were sent to the API, by operation ("details", "list", "cover").
        duration: of the whole run, in seconds.
        finished: when the run ended, in seconds since 1970.
    """

    calls: Mapping[str, int]
    duration: float
    finished: float


NO_FACTS = RunFacts({}, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Every renderer is a function `render(document, options) -> str` and uses the options that its format has.

    Attributes:
        rate: the rate at which covers may be set, to say how long an apply takes.
        allowed: the reasons for which assets may be unknown (`--allow-unknown`), for annotations and pipelines.
        images: the pictures to embed in HTML.
        report_url: where the HTML report will be, for a link in Markdown.
        quiet: text has only its summary.
        colour: text may have ANSI colours.
        links: the URI of the folder that file paths start from, for example "file:///srv/repo/"; text then has
            hyperlinks (OSC 8) to files. "" for none.
        blocked: something has to change that cannot, so the summary does not say that everything matches.
        no_changes: the headline where nothing has to change.
        run: facts about the run, for metrics.
    """

    rate: Rate = WRITE_RATE
    allowed: frozenset[str] = frozenset()
    images: ImagesByAsset = field(default_factory=dict)
    report_url: str = ""
    quiet: bool = False
    colour: bool = False
    links: str = ""
    blocked: bool = False
    no_changes: str = NO_CHANGES
    run: RunFacts = NO_FACTS


DEFAULTS = RenderOptions()
