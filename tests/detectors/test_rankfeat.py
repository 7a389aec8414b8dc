"""RankFeat against one image at a time: numpy's SVD of the map, then the rest of the network by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import logsumexp

from ood.detectors import Images, method
from ood.detectors.rankfeat import leading, powered, without_rank_one
from ood.errors import Problem


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def removed(maps: torch.Tensor) -> torch.Tensor:
    """(1, K, H, W) less its largest singular triple."""
    u, s, vt = np.linalg.svd(maps[0].flatten(1).numpy(), full_matrices=False)
    return maps - torch.from_numpy(s[0] * np.outer(u[:, 0], vt[0])).view_as(maps)


def stages(network, name: str):
    """The network in three parts: to the end of the block before the last, the last block, and the rest."""

    def pooled(maps):
        return network.head(F.adaptive_avg_pool2d(maps, 1).flatten(1))

    if name == "resnet34":
        stem = [network.conv1, network.bn1, F.relu]
        return [*stem, network.layer1, network.layer2, network.layer3], network.layer4, pooled
    body = network.body
    if name == "resnet50":
        stem = [body.conv1, body.bn1, F.relu, body.maxpool]
        return [*stem, body.layer1, body.layer2, body.layer3], body.layer4, pooled
    return [body.stem, *body.stages[:3]], body.stages[3], lambda maps: pooled(body.norm(maps))


def slow(network, name: str, image: torch.Tensor) -> dict[str, float]:
    start, last, end = stages(network, name)
    middle = image[None]
    for part in start:
        middle = part(middle)
    final, previous = end(removed(last(middle))), end(last(removed(middle)))
    logits = {"final": final, "previous": previous, "both": (final + previous) / 2}
    return {column: logsumexp(z.numpy()[0]) for column, z in logits.items()}


@pytest.mark.parametrize(
    ("name", "options", "side"), [("resnet34", {"width": 4}, 24), ("resnet50", {}, 96), ("bit_r101x1", {}, 96)]
)
def test_equals_a_loop_over_images(seeded, name, options, side):
    network, x = seeded(name, **options), random(3, 3, side, side)
    columns = method("rankfeat")(iterations=2000).score(Images(network, x.split(2), [1, 1, 1]), None)
    with torch.no_grad():
        exact = [slow(network, name, image) for image in x]
    for column in ("final", "previous", "both"):
        expected = [image[column] for image in exact]
        assert columns[column] == pytest.approx(expected, rel=1e-9)
        assert columns[f"{column} power"] == pytest.approx(expected, rel=1e-6)
    assert len({columns[column].tobytes() for column in ("final", "previous", "both")}) == 3 and len(columns) == 6


@pytest.mark.parametrize("shape", [(4, 3, 5), (40, 3, 5), (7, 1, 7)], ids=["wide", "tall", "square"])
def test_the_rest_has_the_other_singular_values(shape):
    maps = random(6, *shape)
    rest = without_rank_one(maps, leading)
    before, after = (np.linalg.svd(part.flatten(2).numpy(), compute_uv=False) for part in (maps, rest))
    np.testing.assert_allclose(after[:, :-1], before[:, 1:], rtol=1e-10)
    np.testing.assert_allclose(after[:, -1], 0, atol=1e-10)
    assert rest.shape == maps.shape


def test_power_iterations_are_the_released_ones():
    """u and v in turn, each normalised; here with the start that belongs to ours."""
    maps = random(2, 9, 2, 2)
    start = torch.randn(4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for f, rest in zip(maps.flatten(2), without_rank_one(maps, lambda gram: powered(gram, 3)), strict=True):
        v = start / start.norm()
        for _ in range(3):
            u = f @ v
            u = u / u.norm()
            v = u @ f
            v = v / v.norm()
        u = f @ v / (f @ v).norm()
        expected = f - (u @ f @ v) * torch.outer(u, v)
        torch.testing.assert_close(rest.flatten(1), expected, rtol=1e-10, atol=1e-12)


def test_a_small_map_is_not_taken_for_none():
    maps = random(2, 9, 2, 2)
    scaled = without_rank_one(1e-30 * maps, lambda gram: powered(gram, 5))
    torch.testing.assert_close(1e30 * scaled, without_rank_one(maps, lambda gram: powered(gram, 5)))


def test_a_network_without_blocks_is_refused(seeded):
    network = seeded("playground_cnn", width=2)
    with pytest.raises(Problem, match=r"does not have two blocks.*a list of detectors without rankfeat"):
        method("rankfeat")().score(Images(network, [], [1, 1, 1]), None)
