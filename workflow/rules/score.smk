# Features | attributions | network -> scores: one job per (checkpoint, detector), over all datasets. Detectors that run
# the network want a GPU, so they have a rule of their own.
from ood.artifacts.methods import TIMED


rule score:
    """Score every image of a benchmark with one detector."""
    input:
        unpack(consumed),
    output:
        scores="results/scores/{benchmark}/seed{seed}/{detector}.parquet",
    log:
        "results/logs/scores/{benchmark}/seed{seed}/{detector}.log",
    benchmark:
        "results/benchmarks/scores/{benchmark}/seed{seed}/{detector}.tsv"
    wildcard_constraints:
        detector=any_of(name for name in CONFIG.detectors if name not in RUN_NETWORKS),
    conda:
        "../../envs/ood.yaml"
    threads: lambda wildcards: decoders(about(wildcards).id) if passes(wildcards) else 1
    params:
        spec=lambda wildcards: spec(
            detector=wildcards.detector,
            options=CONFIG.options(wildcards.detector, wildcards.benchmark),
            datasets=sets(wildcards.benchmark),
            **passes(wildcards),
        ),
        code=lambda wildcards: code(
            "ood.evaluation.score",
            f"ood.detectors.{wildcards.detector}",
            *([network(wildcards)] if passes(wildcards) else []),
        ),
    shell:
        "OOD_WORKERS={threads} python -m ood.evaluation.score --indices {input.indices} --features {input.features}"
        " --attributions {input.attributions} --images {input.images} --checkpoint {input.checkpoint}"
        " --scores {output.scores} --spec {params.spec:q} --log {log}"


use rule score as score_network with:
    wildcard_constraints:
        detector=any_of(RUN_NETWORKS),
    resources:
        gpu=1,


rule closeup:
    """Gradients by channel and saliency maps of some images of each set, inside a benchmark's first network."""
    input:
        weights=lambda wildcards: of_first_seed(wildcards, "model.safetensors"),
        card=lambda wildcards: of_first_seed(wildcards, "card.json"),
        accepted=lambda wildcards: of_first_seed(wildcards, "accepted.json"),
        images=lambda wildcards: list(map(images, sets(wildcards.benchmark))),
        indices=lambda wildcards: expand("results/data/{dataset}/index.parquet", dataset=sets(wildcards.benchmark)),
    output:
        maps="results/closeups/{benchmark}.safetensors",
    log:
        "results/logs/closeups/{benchmark}.log",
    conda:
        "../../envs/ood.yaml"
    threads: lambda wildcards: decoders(about(wildcards).id)
    resources:
        gpu=1,
    params:
        spec=lambda wildcards: spec(
            network=about(wildcards).network.name,
            batch=CONFIG.batch(wildcards.benchmark),
            datasets=sets(wildcards.benchmark),
            averaged=100,
            shown=2,
            **own_normalisations(wildcards.benchmark),
        ),
        code=lambda wildcards: code("ood.passes.closeup", network(wildcards)),
    shell:
        "OOD_WORKERS={threads} python -m ood.passes.closeup --weights {input.weights} --card {input.card}"
        " --accepted {input.accepted} --images {input.images} --indices {input.indices} --maps {output.maps}"
        " --spec {params.spec:q} --log {log}"


rule timing:
    """Milliseconds per image of some methods on a benchmark's first checkpoint; the one result that no run repeats."""
    input:
        weights=lambda wildcards: of_first_seed(wildcards, "model.safetensors"),
        card=lambda wildcards: of_first_seed(wildcards, "card.json"),
        accepted=lambda wildcards: of_first_seed(wildcards, "accepted.json"),
        images=lambda wildcards: images(about(wildcards).id),
        index=lambda wildcards: f"results/data/{about(wildcards).id}/index.parquet",
    output:
        times="results/timing/{benchmark}.parquet",
    log:
        "results/logs/timing/{benchmark}.log",
    conda:
        "../../envs/ood.yaml"
    # As many as there are (--cores), so that no other job runs beside it; it computes with one, as every job.
    threads: 1000
    resources:
        gpu=1,
    params:
        spec=lambda wildcards: spec(
            benchmark=wildcards.benchmark,
            network=about(wildcards).network.name,
            batches=about(wildcards).timed,
            options={method: CONFIG.options(method, wildcards.benchmark) for method in TIMED},
            images=64,
            turns=5,
        ),
        code=lambda wildcards: code(
            "ood.evaluation.timing", network(wildcards), *(f"ood.detectors.{method}" for method in TIMED)
        ),
    shell:
        "python -m ood.evaluation.timing --weights {input.weights} --card {input.card} --accepted {input.accepted}"
        " --images {input.images} --index {input.index} --times {output.times} --spec {params.spec:q} --log {log}"
