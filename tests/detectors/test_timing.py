"""What is timed is the method: each way gives its default score."""

import numpy as np
import pytest

from ood import timing
from ood.detectors import Images, method

STD = [0.5, 0.5, 0.5]
OPTIONS = {"msp": {}, "gradnorm": {}, "odin": {"epsilon": 0.1}, "gaia_a": {}, "gaia_z": {}}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_way_gives_the_methods_scores(network, x, given, name):
    detector = method(name)(**OPTIONS[name])
    attributed = given(network, x)
    whole = {
        "features": attributed.features,
        "attributions": attributed,
        "network": Images(network, [x], STD),
    }[detector.consumes]
    found = timing.ways(network, STD, OPTIONS)[name](x)
    found = found[detector.default] if isinstance(found, dict) else found
    np.testing.assert_allclose(found, detector.score(whole, None)[detector.default], rtol=1e-9)


def test_react_is_clipped_energy(network, x, given):
    detector, attributed = method("react")(), given(network, x)
    found = timing.ways(network, STD, {"react": {}})["react"](x)
    np.testing.assert_allclose(found["fixed"], detector.score(attributed.features, {"fixed": 1.0})["fixed"], rtol=1e-9)
