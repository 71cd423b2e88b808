"""`python -m tests.audit PIP-AUDIT LOCK`: are there known vulnerabilities in the locked packages?

pip-audit also succeeds when it could look up nothing; here that is a failure. The exit code is 0 when every package was
looked up and none has a known vulnerability, 1 when one has, 2 when not all could be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2
OPTIONS = ("--format", "json", "--require-hashes", "--disable-pip", "--progress-spinner", "off")


def main(arguments: Sequence[str]) -> int:
    """Run pip-audit over the lock file and report the result."""
    program, lock = arguments
    try:
        done = subprocess.run([program, *OPTIONS, "-r", lock], check=False, capture_output=True, text=True)
    except OSError as error:
        print(f"not audited: {program} does not start ({error.strerror})", file=sys.stderr)
        return UNKNOWN
    try:
        code, lines = verdict(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        code, lines = UNKNOWN, [f"not audited: pip-audit failed: {said[-1][:200]}"]
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return code


def verdict(dependencies: Sequence[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit code and the lines to print, from the `dependencies` in pip-audit's report."""
    skipped = [one for one in dependencies if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {known['id']}, {_fix_of(known)}"
        for one in dependencies
        for known in one.get("vulns", ())
    ]
    if skipped or not dependencies:
        first = f": {skipped[0]['skip_reason']}" if skipped else ""
        lines.append(f"not audited: {len(skipped)} of {len(dependencies)} packages could not be looked up{first}")
        return UNKNOWN, lines
    if lines:
        return VULNERABLE, lines
    return CLEAN, [f"no known vulnerability in {len(dependencies)} packages"]


def _fix_of(known: dict[str, Any]) -> str:
    return f"fixed in {', '.join(known['fix_versions'])}" if known.get("fix_versions") else "not fixed yet"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
