# Metrics and printed cells -> whether what the papers claim holds.


rule verdicts:
    """Every claim of the papers against their printed cells and against one benchmark's numbers."""
    input:
        document="paper/claims.yaml",
        published=PUBLISHED,
        metrics=lambda wildcards: expand(
            rules.evaluate.output.metrics, detector=judged(wildcards.benchmark), **wildcards
        ),
        times=lambda wildcards: (expand(rules.timing.output.times, **wildcards) if about(wildcards).timed else []),
    output:
        table="results/claims/{benchmark}.parquet",
    log:
        "results/logs/claims/{benchmark}.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            benchmark=wildcards.benchmark,
            id=about(wildcards).id,
            reproduces=about(wildcards).reproduces,
            resembles=about(wildcards).resembles,
            average=about(wildcards).averaged()["average"],
            confidence=CONFIG.bootstrap.confidence,
        ),
        code=code("ood.claims.verdicts"),
    shell:
        "python -m ood.claims.verdicts --document {input.document} --published-cells {input.published} --metrics {input.metrics}"
        " --times {input.times} --table {output.table} --spec {params.spec:q} --log {log}"
