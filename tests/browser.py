"""Pages in a real browser: headless Chromium."""

import shutil
import subprocess
from pathlib import Path

import pytest

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def dom(page: Path, profile: Path) -> str:
    """The document of a page after its scripts have run, as HTML."""
    if not (browser := shutil.which("chromium")):
        pytest.skip("Chromium is not installed: make browser")
    patience = "--virtual-time-budget=10000"  # milliseconds of the page's own time
    command = [browser, *FLAGS, patience, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
