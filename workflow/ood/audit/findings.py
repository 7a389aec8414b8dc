"""What an audit finds."""

from typing import NamedTuple

DIGITS = 12  # of a digest, where a person reads it


class Finding(NamedTuple):
    """Something that is not as it must be: where, what, and what was expected and found there."""

    file: str
    what: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        said = f"{self.file}: {self.what}"
        return f"{said}: expected {self.expected}, found {self.found}" if self.expected else said


def short(digest: str | None) -> str:
    """The first digits of a digest."""
    return digest[:DIGITS] if digest else "none"


class Level(NamedTuple):
    """What one level of an audit looked at, in words, and what it found."""

    name: str
    looked_at: str
    findings: list[Finding]

    def __str__(self) -> str:
        verdict = f"{len(self.findings)} problems" if self.findings else "all as recorded"
        return "\n".join([f"{self.name}  {self.looked_at}: {verdict}", *(f"   {finding}" for finding in self.findings)])
