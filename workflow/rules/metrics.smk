# Scores -> metrics over seeds -> cells; and what else is shown of scores.


rule evaluate:
    """Every metric of one detector, under each named convention."""
    input:
        scores=lambda wildcards: expand(
            "results/scores/{benchmark}/seed{seed}/{detector}.parquet",
            seed=seeds(wildcards.benchmark),
            **wildcards,
        ),
    output:
        metrics="results/metrics/{benchmark}/{detector}.parquet",
    log:
        "results/logs/metrics/{benchmark}/{detector}.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            datasets=sets(wildcards.benchmark),
            averages=about(wildcards).averaged(),
            seeds=seeds(wildcards.benchmark),
            bootstrap=CONFIG.bootstrap.model_dump(),
            drawn=sorted(CLAIMS.variants.get(wildcards.detector, [])),
        ),
        code=code("ood.evaluation.evaluate"),
    shell:
        "python -m ood.evaluation.evaluate --scores {input.scores} --metrics {output.metrics} --spec {params.spec:q} --log {log}"


rule cells:
    """All numbers of a benchmark in one table."""
    input:
        metrics=lambda wildcards: expand(
            "results/metrics/{benchmark}/{detector}.parquet",
            detector=CONFIG.methods(wildcards.benchmark),
            **wildcards,
        ),
        disjoint="results/data/disjoint/{benchmark}.json",
        cards=lambda wildcards: expand(
            "results/checkpoints/{benchmark}/seed{seed}/card.json", seed=seeds(wildcards.benchmark), **wildcards
        ),
    output:
        cells="results/cells/{benchmark}.parquet",
    log:
        "results/logs/cells/{benchmark}.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            benchmark=wildcards.benchmark,
            id=about(wildcards).id,
            seeds=seeds(wildcards.benchmark),
        ),
        code=code("ood.evaluation.cells"),
    shell:
        "python -m ood.evaluation.cells --metrics {input.metrics} --cards {input.cards} --disjoint {input.disjoint} --cells {output.cells}"
        " --spec {params.spec:q} --log {log}"


rule summaries:
    """What figures and findings show of scores beside metrics."""
    input:
        scores=lambda wildcards: expand(
            "results/scores/{benchmark}/seed{seed}/{detector}.parquet",
            detector=CONFIG.methods(wildcards.benchmark),
            seed=seeds(wildcards.benchmark),
            **wildcards,
        ),
    output:
        table="results/summaries/{benchmark}.parquet",
    log:
        "results/logs/summaries/{benchmark}.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            id=about(wildcards).id,
            ood=about(wildcards).ood,
            detectors=CONFIG.methods(wildcards.benchmark),
            seeds=seeds(wildcards.benchmark),
        ),
        code=code("ood.evaluation.summaries"),
    shell:
        "python -m ood.evaluation.summaries --scores {input.scores} --table {output.table} --spec {params.spec:q} --log {log}"


rule rounding:
    """What number formats decide: the AUROC of S1, which is zero, and FPR95 under ties."""
    input:
        indices=lambda wildcards: expand("results/data/{dataset}/index.parquet", dataset=sets(wildcards.benchmark)),
        features=lambda wildcards: expand(
            "results/features/{benchmark}/seed{seed}/{dataset}.safetensors",
            seed=seeds(wildcards.benchmark),
            dataset=sets(wildcards.benchmark),
            **wildcards,
        ),
    output:
        table="results/rounding/{benchmark}.parquet",
    log:
        "results/logs/rounding/{benchmark}.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            benchmark=wildcards.benchmark,
            datasets=sets(wildcards.benchmark),
            averages=about(wildcards).averaged(),
            seeds=seeds(wildcards.benchmark),
        ),
        code=code("ood.evaluation.rounding"),
    shell:
        "python -m ood.evaluation.rounding --indices {input.indices} --features {input.features} --table {output.table}"
        " --spec {params.spec:q} --log {log}"
