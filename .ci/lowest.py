"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

python .ci/lowest.py > constraints.txt
pip install -c constraints.txt -e '.[cdn,choose,emulator,redis,report,s3]' --group dev
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*(?P<version>[0-9.]+)")

for requirement in sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"]):
    found = REQUIREMENT.fullmatch(requirement)
    if found is None:
        sys.exit(f"{requirement!r} has no lower bound of the form name>=version")
    print(f"{found['name']}=={found['version']}")
