"""32 hexadecimal digits: the form of asset IDs, project IDs and MD5s."""

from __future__ import annotations

import re

HEX_32 = "[0-9A-Fa-f]{32}"
"""To be put into larger patterns."""
ID = re.compile(HEX_32)
"""An ID as people may write it. `fullmatch` it; `lower()` gives the API's form."""
LOWER_ID = re.compile("[0-9a-f]{32}")
"""An ID as the API writes it."""
ID_SCHEMA = f"^{ID.pattern}$"
LOWER_ID_SCHEMA = f"^{LOWER_ID.pattern}$"
"""The same, as JSON Schema and pydantic want patterns: for the whole text."""
