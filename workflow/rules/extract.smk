# Checkpoint + prepared set -> features (one forward pass) and attributions (three short backward passes).


rule extract:
    """Run a checkpoint over a dataset once, for every method that needs no network of its own."""
    input:
        weights=rules.train.output.weights,
        card=rules.train.output.card,
        accepted=rules.accept.output.accepted,
        images=rules.prepare.output.images,
        index=rules.prepare.output.index,
    output:
        features="results/features/{benchmark}/seed{seed}/{dataset}.safetensors",
        statistics="results/attributions/{benchmark}/seed{seed}/{dataset}.safetensors",
    log:
        "results/logs/features/{benchmark}/seed{seed}/{dataset}.log",
    benchmark:
        "results/benchmarks/features/{benchmark}/seed{seed}/{dataset}.tsv"
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            batch=CONFIG.extraction.batch, network=CONFIG.benchmarks[wildcards.benchmark].network.name
        ),
        code=lambda wildcards: code(
            "ood.extraction", f"ood.networks.{CONFIG.benchmarks[wildcards.benchmark].network.name}"
        ),
    shell:
        "python -m ood.extraction --weights {input.weights} --card {input.card} --accepted {input.accepted}"
        " --images {input.images} --index {input.index} --features {output.features}"
        " --statistics {output.statistics} --spec {params.spec:q} --log {log}"
