"""The page of training cards says what the cards say."""

import json

from ood.appendix.training_cards import curve, training_cards

CARD = {
    "accuracy": {"train": 0.9876, "test": 0.875},
    "network": "resnet34",
    "options": {"width": 8},
    "parameters": 333_610,
    "classes": 10,
    "mean": [0.5],
    "std": [0.25],
    "losses": [2.0, 1.0, 0.5],
    "recipe": {"epochs": 3, "optimiser": "sgd"},
    "device": "CPU <x>",
    "precision": "float32",
    "threads": 1,
}
TIMING = {"torch": "2.13", "seconds": 125.4, "epochs_taken_over": 0, "waiting_for_data": 0.012}


def test_every_checkpoint_has_its_card(tmp_path):
    published = CARD | {"losses": [], "published": {"file": "resnet20.th", "sha256": "12fca8"}}
    cards = []
    for name, card in (("one", CARD), ("two", CARD), ("three", published)):
        cards.append(tmp_path / name / "card.json")
        cards[-1].parent.mkdir()
        cards[-1].write_text(json.dumps(card))
    timings = [cards[place].with_name("timing.json") for place in (0, 1)]
    timings[0].write_text(json.dumps(TIMING))
    timings[1].write_text(json.dumps(TIMING | {"epochs_taken_over": 2}))
    training_cards(cards, timings, tmp_path / "page.html", {"checkpoints": ["A, seed 0", "A & B, seed 1", "C, seed 0"]})
    page = (tmp_path / "page.html").read_text()
    first, second, third = page.split("<h2>")[1:]
    for section in (first, second):
        assert all(
            text in section for text in ("87.50%", "98.76%", "333,610", "epochs 3", "1.2%", "<svg", "CPU &lt;x&gt;")
        )
    assert (
        "2:05 min<" in first
        and "for what 2 epochs of a run that was stopped had left to do" in second
        and "A &amp; B" in second
    )
    assert "resnet20.th, sha256 12fca8" in third and "<svg" not in third and "recipe" not in third
    assert "CPU &lt;x&gt;" in third
    assert "href=" not in page.replace('href="#', "") and "src=" not in page  # links to parts of itself only


def test_the_curve_has_a_point_per_epoch():
    assert curve([2.0, 1.0, 0.5]).count("<use") >= 3
    assert curve([2.0, 1.0, 0.5]).startswith("<svg")
