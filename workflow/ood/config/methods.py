"""What there is to say of the methods that run: of each a sentence, its source, and the values of its options."""

import importlib
import math
import re
from typing import Any

from ood import detectors
from ood.config.experiment import Config

SOURCE = re.compile(r'[^"]*"[^"]+"(?: \([^()]*\d{4}\))?')  # authors, "title" (venue year)


def described(config: Config, benchmarks: list[str]) -> dict[str, dict[str, Any]]:
    """What there is to say of each method that runs on one of the benchmarks.

    By its name: ``what`` it is and its ``source``, as its module's docstring begins, the ``default`` variant, and as
    text its ``settings`` on each benchmark.
    """
    running = {name: config.methods(name) for name in benchmarks}
    found = {}
    for name in (name for name in config.detectors if any(name in names for names in running.values())):
        said = importlib.import_module(f"ood.detectors.{name}").__doc__ or ""
        sentence, _, rest = said.partition("\n\n")
        source = SOURCE.match(" ".join(rest.partition("\n\n")[0].split()))
        method = detectors.method(name)
        found[name] = {
            "what": " ".join(sentence.split()).split(": ", 1)[-1].removesuffix("."),
            "source": source[0] if source else "",
            "default": method.default,
            "settings": {
                benchmark: settings(method(**config.options(name, benchmark)))
                for benchmark, names in running.items()
                if name in names
            },
        }
    return found


def settings(method: detectors.Detector) -> str:
    """The values of all its options."""
    return ", ".join(f"{option.replace('_', ' ')} {_text(value)}" for option, value in method.model_dump().items())


def _text(value: Any) -> str:
    match value:
        case None:
            return "as built in"
        case bool():
            return "yes" if value else "no"
        case float() if math.isinf(value):
            return "infinity"
        case int() | float():
            return f"{value:g}"
        case tuple() | list():
            return " ".join(map(_text, value))
    return str(value)
