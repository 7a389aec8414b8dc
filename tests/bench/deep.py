"""What gradients through the whole network cost, in bare forward passes: ``make bench-score`` ends with it.

The networks are those of Igoe et al.'s small-scale experiments. Beside this project's passes stand two ways to the
norms of every gradient of log p_y that make these gradients: a backward pass for every image and class, and torch.func,
all classes of an image at once, which is faster than several images at once.
"""

import numpy as np
import torch
import torch.nn.functional as F
from measure import BARE, Batches, Way, all_devices, bare, compared, frozen, images, show
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from ood import detectors, networks
from ood.detectors import Images, LabelledImages

CLASSES = 10
CASES = {  # title: network, its options, batch
    "MNIST's perceptron": ("playground_mlp", {}, 64),
    "SVHN's network": ("playground_cnn", {"width": 32, "dropout": 0.3}, 32),
    "CIFAR-10's network": ("playground_cnn", {"width": 128}, 8),
}


def this(network: networks.Classifier, known: Tensor) -> dict[str, Way]:
    """S2 to S7, and BatchGrad with its constants, for all parameters."""
    std = list(network.normalisation[1])
    scores, batchgrad = detectors.method("gradients_deep")(), detectors.method("batchgrad_deep")()
    labelled = LabelledImages(Images(network, [known], std), np.arange(len(known)) % CLASSES)
    fitted = batchgrad.fit(labelled, labelled)
    return {
        "S2 to S7": lambda batches: scores.score(Images(network, batches, std), None),
        f"BatchGrad, {len(fitted)} constants": lambda batches: batchgrad.score(Images(network, batches, std), fitted),
    }


def norms(gradients: list[Tensor], axes: int) -> list[Tensor]:
    """L1 and squared L2 over all but the first axes, summed over the parameters."""
    rows = [g.flatten(axes) for g in gradients]
    return [sum(g.abs().sum(-1) for g in rows), sum(g.square().sum(-1) for g in rows)]


def documented(network: networks.Classifier) -> dict[str, Way]:
    parameters = dict(network.named_parameters())
    trainable = {name: part.detach().clone().requires_grad_() for name, part in parameters.items()}

    def log_p(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        return F.log_softmax(functional_call(network, parameters, (image[None],))[0], 0)

    def one_by_one(batches: Batches) -> list:
        found = []
        for image in torch.cat(batches):
            for value in (values := log_p(trainable, image)):
                gradients = torch.autograd.grad(value, list(trainable.values()), retain_graph=value is not values[-1])
                found.append(norms(gradients, 0))
        return found

    def per_sample(batches: Batches) -> list:
        every = vmap(jacrev(log_p), (None, 0))
        return [norms(list(every(parameters, image).values()), 2) for x in batches for image in x.split(1)]

    return {"torch.func, every gradient made": per_sample, "a backward pass per image and class": one_by_one}


def main() -> None:
    for device in all_devices():
        columns = {}
        for title, (name, options, batch) in CASES.items():
            network = frozen(name, CLASSES, options, device)
            shape = (network.channels, network.input_size, network.input_size)
            known = torch.cat(images((1, *shape), CLASSES, device))
            every = {BARE: bare(network), **this(network, known), **documented(network)}
            columns[f"{title}, batch {batch}"] = compared(
                every, images((batch, *shape), 64 if known.is_cuda else 1, device)
            )
        show("All parameters' gradients", device, columns)


if __name__ == "__main__":
    main()
