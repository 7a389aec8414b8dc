# Features | attributions | network -> scores: one job per (checkpoint, detector), over all datasets.


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
    conda:
        "../../envs/ood.yaml"
    threads: lambda wildcards: decoders(CONFIG.benchmarks[wildcards.benchmark].id) if passes(wildcards) else 1
    params:
        spec=lambda wildcards: spec(
            detector=wildcards.detector,
            options=CONFIG.options(wildcards.detector),
            datasets=sets(wildcards.benchmark),
            **passes(wildcards),
        ),
        code=lambda wildcards: code(
            "ood.score",
            f"ood.detectors.{wildcards.detector}",
            *([network(wildcards)] if passes(wildcards) else []),
        ),
    shell:
        # Not in the parameters: another number of workers makes nothing stale.
        "OOD_WORKERS={threads} python -m ood.score --indices {input.indices} --features {input.features}"
        " --attributions {input.attributions} --images {input.images} --checkpoint {input.checkpoint}"
        " --scores {output.scores} --spec {params.spec:q} --log {log}"
