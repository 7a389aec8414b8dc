"""The folders of the library stand on each other: imports run one way, from what is read to what it is made of."""

from ood import closure

# From the ground up; what stands on one floor may use each other.
FLOORS = (
    {"errors", "progress", "memory", "once", "closure"},
    {"networks", "ledger"},
    {"records", "step", "device", "command"},
    {"data", "datasets"},
    {"train", "passes"},
    {"detectors"},
    {"evaluation", "claims"},
    {"artifacts"},
    {"config"},
    {"jobs"},
    {"audit"},
    {"front", "appendix"},
)
FLOOR = {room: place for place, rooms in enumerate(FLOORS) for room in rooms}


def test_nothing_imports_from_a_floor_above():
    found = {}
    for file in closure.PACKAGE.rglob("*.py"):
        room = file.relative_to(closure.PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            imported = (name for name in closure.imports(file.read_text()) if "." in name and closure.file_of(name))
            used = {name.split(".")[1] for name in imported}
            found[str(file.relative_to(closure.PACKAGE))] = {other for other in used if FLOOR[other] > FLOOR[room]}
    assert len(found) > 100
    assert {file: above for file, above in found.items() if above} == {}
