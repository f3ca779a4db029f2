"""Types of text and numbers that documents are made of. pydantic reads them, but is not imported here: the model uses
them, and `reconcile --version` has to stay quick."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from reconciler.util.ids import LOWER_ID_SCHEMA
from reconciler.util.sanitize import hide, redacted


class Limits:
    """What a value must satisfy when a document is read, in the terms of pydantic's core schemas: `pattern`, `ge`."""

    def __init__(self, **limits: Any) -> None:
        self._limits = limits

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], dict[str, Any]]) -> Any:
        return {**handler(source), **self._limits}


class WithoutSecrets:
    """Hides secrets when a value is dumped: those that the context, a Redactor, knows (`hide` where there is none).
    It acts on dumping, so that no code that makes a document has to remember it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import PlainSerializer

        return PlainSerializer(_without_secrets, return_type=source).__get_pydantic_core_schema__(source, handler)


def _without_secrets(value: Any, info: Any) -> Any:
    return redacted(value, info.context or hide)


Foreign = Annotated[str, WithoutSecrets()]
"""Text that the API, a file or another run supplied."""
AssetId = Annotated[str, Limits(pattern=LOWER_ID_SCHEMA)]
ProjectId = Annotated[str, Limits(pattern=LOWER_ID_SCHEMA)]
REGION = re.compile("[a-z]+(-[a-z]+)+-[0-9]+")
REGION_SCHEMA = f"^{REGION.pattern}$"
Region = Annotated[str, Limits(pattern=REGION_SCHEMA)]
Sha256 = Annotated[str, Limits(pattern=r"^[0-9a-f]{64}$")]
PicturePath = Annotated[str, Limits(pattern=r"^[^\x00-\x1f\x7f]{1,1024}$")]
Md5 = Annotated[str, Limits(pattern=LOWER_ID_SCHEMA)]
Count = Annotated[int, Limits(ge=0)]
"""An integer from 0."""
