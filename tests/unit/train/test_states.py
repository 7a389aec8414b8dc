"""A state is read back as it was saved, or not at all."""

import pickle

import pytest
import torch

from ood.train import states

STATE = {"tensors": {"a": torch.arange(6.0).view(2, 3)}, "losses": [0.5, 0.25], "none": None}


def test_the_last_state_is_read_back(tmp_path):
    assert states.load(tmp_path / "new") is None
    states.save(tmp_path / "new", {"losses": []})
    states.save(tmp_path / "new", STATE)
    found = states.load(tmp_path / "new")
    assert torch.equal(found["tensors"].pop("a"), STATE["tensors"]["a"])
    assert found == {**STATE, "tensors": {}}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
        lambda content: b"<html>" * 100,
    ],
    ids=["empty", "half a digest", "cut off", "a bit flipped", "something else"],
)
def test_a_damaged_state_is_left_aside(tmp_path, caplog, damage):
    states.save(tmp_path, STATE)
    path = tmp_path / states.NAME
    path.write_bytes(damage(path.read_bytes()))
    assert states.load(tmp_path) is None
    assert f"{path} is damaged: starting over" in caplog.text


def test_a_state_half_written_by_a_killed_run_does_not_count(tmp_path):
    states.save(tmp_path, STATE)
    (tmp_path / f"{states.NAME}.partial").write_bytes(b"half")
    assert states.load(tmp_path)["losses"] == [0.5, 0.25]
    states.save(tmp_path, {"losses": []})
    assert states.load(tmp_path) == {"losses": []}


def test_a_state_that_cannot_be_saved_is_no_error(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    states.save(tmp_path / "file", STATE)
    assert "the state could not be saved" in caplog.text


def test_each_kind_of_device_and_precision_has_states_of_its_own(tmp_path, caplog):
    kinds = [("NVIDIA A100-SXM4-40GB", "bfloat16"), ("NVIDIA H100 80GB HBM3", "bfloat16")]
    kinds += [("NVIDIA A100-SXM4-40GB", "float32"), ("Intel(R) Xeon(R) w/o GPU (AVX2)", "float32")]
    folders = [states.of(tmp_path, *kind) for kind in kinds]
    assert len(set(folders)) == 4 and {folder.parent for folder in folders} == {tmp_path}
    assert states.of(tmp_path, *kinds[0]) == folders[0] and not caplog.messages
    states.save(folders[0], STATE)
    assert states.of(tmp_path, *kinds[0]) == folders[0] and not caplog.messages
    assert states.of(tmp_path, *kinds[1]) == folders[1]
    (said,) = caplog.messages
    assert "A100-SXM4-40GB" in said and "gpu_model in slurm/config.yaml" in said


def test_a_state_with_code_in_it_is_not_run(tmp_path):
    states.save(tmp_path, {"losses": pytest.approx(1)})
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        states.load(tmp_path)
