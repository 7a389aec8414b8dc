# Features | attributions | network -> scores: one job per (checkpoint, detector), over all datasets.


def consumed(wildcards):
    """The files a detector reads, lists in the order of the benchmark's datasets; what it does not consume is empty."""
    method = detectors.method(wildcards.detector)
    every = sets(wildcards.benchmark)
    run = f"{wildcards.benchmark}/seed{wildcards.seed}"
    network = method.consumes == "network"
    return {
        "indices": expand("results/data/{dataset}/index.parquet", dataset=every),
        "features": [] if network else expand(f"results/features/{run}/{{dataset}}.safetensors", dataset=every),
        "attributions": expand(f"results/attributions/{run}/{{dataset}}.safetensors", dataset=every)
        if method.consumes == "attributions"
        else [],
        "images": expand("results/data/{dataset}/images.npy", dataset=every) if network else [],
        "checkpoint": expand(f"results/checkpoints/{run}/{{file}}", file=["model.safetensors", "card.json"])
        if network
        else [],
        "accepted": f"results/checkpoints/{run}/accepted.json",
    }


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
    params:
        spec=lambda wildcards: spec(
            detector=wildcards.detector,
            options=CONFIG.options(wildcards.detector),
            datasets=sets(wildcards.benchmark),
        ),
        code=lambda wildcards: code("ood.score", f"ood.detectors.{wildcards.detector}"),
    conda:
        "../../envs/ood.yaml"
    shell:
        "python -m ood.score --indices {input.indices} --features {input.features}"
        " --attributions {input.attributions} --images {input.images} --checkpoint {input.checkpoint}"
        " --scores {output.scores} --spec {params.spec:q} --log {log}"
