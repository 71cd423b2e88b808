"""The Makefile's targets are what CI and the documents expect."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = re.findall(r"^([a-z-]+):(?!=)(?! UPGRADE)", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_target_has_one_recipe() -> None:
    listed = [name for name in TARGETS if name != "upgrade"]
    assert len(listed) == len(set(listed))
    dry = subprocess.run(
        ["make", "--dry-run", "--always-make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert dry.stderr == ""


def test_every_target_named_by_ci_or_a_document_exists() -> None:
    commands = re.findall(r"^make ([a-z-]+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        commands += re.findall(r"(?:^    |`)make ([a-z-]+)", document.read_text(), re.MULTILINE)
    named = set(commands)
    assert {"check", "test", "install-test", "coverage"} <= named
    assert named <= set(TARGETS)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(TARGETS) == set(phony[1].split())
