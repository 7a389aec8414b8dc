"""What several of these tests look into."""

import pytest


@pytest.fixture(scope="module")
def network():
    """A small ResNet34 in double precision, frozen, whose normalisation layers have seen images."""
    import torch  # here: most tests need neither

    from ood import networks

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = networks.build("resnet34", 5, {"width": 2}).double()
        built(torch.randn(32, 3, 16, 16, dtype=torch.float64))
    return built.eval().requires_grad_(False)
