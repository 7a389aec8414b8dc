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
    params:
        spec=lambda wildcards: spec(
            detector=wildcards.detector,
            options=CONFIG.options(wildcards.detector),
            datasets=sets(wildcards.benchmark),
        ),
        code=lambda wildcards: code("ood.score", f"ood.detectors.{wildcards.detector}"),
    shell:
        "python -m ood.score --indices {input.indices} --features {input.features}"
        " --attributions {input.attributions} --images {input.images} --checkpoint {input.checkpoint}"
        " --scores {output.scores} --spec {params.spec:q} --log {log}"
