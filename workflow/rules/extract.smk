# Checkpoint + prepared set -> features (one forward pass) and attributions (three backward passes).


rule extract:
    """Run a checkpoint over a dataset once, for every method that needs no network of its own."""
    input:
        weights=rules.train.output.weights,
        card=rules.train.output.card,
        accepted=rules.accept.output.accepted,
        images=lambda wildcards: images(wildcards.dataset),
        index="results/data/{dataset}/index.parquet",
    output:
        features="results/features/{benchmark}/seed{seed}/{dataset}.safetensors",
        statistics="results/attributions/{benchmark}/seed{seed}/{dataset}.safetensors",
    log:
        "results/logs/features/{benchmark}/seed{seed}/{dataset}.log",
    benchmark:
        "results/benchmarks/features/{benchmark}/seed{seed}/{dataset}.tsv"
    conda:
        "../../envs/ood.yaml"
    threads: lambda wildcards: decoders(wildcards.dataset)
    resources:
        gpu=1,
    params:
        spec=lambda wildcards: spec(
            batch=CONFIG.batch(wildcards.benchmark),
            network=about(wildcards).network.name,
            **extracted_with(wildcards),
        ),
        code=lambda wildcards: code("ood.passes.extraction", network(wildcards)),
    shell:
        "OOD_WORKERS={threads} python -m ood.passes.extraction --weights {input.weights} --card {input.card}"
        " --accepted {input.accepted} --images {input.images} --index {input.index} --features {output.features}"
        " --statistics {output.statistics} --spec {params.spec:q} --log {log}"
