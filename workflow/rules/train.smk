# Prepared in-distribution set + recipe + seed, or a published weight file -> checkpoint, and its admission.
localrules:
    accept,
    training_cards,


rule train:
    """Train one network with one seed."""
    input:
        images=lambda wildcards: images(sets(wildcards.benchmark)[0]),
        index=lambda wildcards: f"results/data/{sets(wildcards.benchmark)[0]}/index.parquet",
    output:
        weights="results/checkpoints/{benchmark}/seed{seed}/model.safetensors",
        card="results/checkpoints/{benchmark}/seed{seed}/card.json",
        timing="results/checkpoints/{benchmark}/seed{seed}/timing.json",
    log:
        "results/logs/checkpoints/{benchmark}/seed{seed}.log",
    benchmark:
        "results/benchmarks/checkpoints/{benchmark}/seed{seed}.tsv"
    wildcard_constraints:
        benchmark=any_of(TRAINED),
    conda:
        "../../envs/ood.yaml"
    threads: lambda wildcards: recipe(wildcards).threads
    resources:
        gpu=1,
    params:
        spec=lambda wildcards: spec(**checkpoint(wildcards), recipe=recipe(wildcards).training()),
        code=lambda wildcards: code("ood.train.training", network(wildcards)),
    shell:
        "python -m ood.train.training --images {input.images} --index {input.index} --weights {output.weights}"
        " --card {output.card} --timing {output.timing} --spec {params.spec:q} --log {log}"


rule adopt:
    """Take over a published checkpoint: check that it fits its network, and measure its accuracy."""
    input:
        published=lambda wildcards: f"results/archives/{about(wildcards).weights.file}",
        images=lambda wildcards: images(sets(wildcards.benchmark)[0]),
        index=lambda wildcards: f"results/data/{sets(wildcards.benchmark)[0]}/index.parquet",
    output:
        weights="results/checkpoints/{benchmark}/seed{seed}/model.safetensors",
        card="results/checkpoints/{benchmark}/seed{seed}/card.json",
    log:
        "results/logs/checkpoints/{benchmark}/seed{seed}.log",
    wildcard_constraints:
        benchmark=any_of(ADOPTED),
    conda:
        "../../envs/ood.yaml"
    threads: lambda wildcards: decoders(sets(wildcards.benchmark)[0])
    resources:
        gpu=1,
    params:
        spec=lambda wildcards: spec(
            **checkpoint(wildcards),
            class_order=about(wildcards).weights.class_order,
            batch=CONFIG.batch(wildcards.benchmark),
        ),
        code=lambda wildcards: code("ood.train.adoption", network(wildcards)),
    shell:
        "OOD_WORKERS={threads} python -m ood.train.adoption --published {input.published} --images {input.images}"
        " --index {input.index} --weights {output.weights} --card {output.card} --spec {params.spec:q} --log {log}"


rule accept:
    """Stop what hangs on a checkpoint whose test accuracy is outside its band."""
    input:
        card="results/checkpoints/{benchmark}/seed{seed}/card.json",
    output:
        accepted="results/checkpoints/{benchmark}/seed{seed}/accepted.json",
    log:
        "results/logs/checkpoints/{benchmark}/seed{seed}.accepted.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(**CONFIG.band(wildcards.benchmark)),
        code=code("ood.train.acceptance"),
    shell:
        "python -m ood.train.acceptance --card {input.card} --accepted {output.accepted} --spec {params.spec:q} --log {log}"


rule training_cards:
    """What is known of an edition's networks: accuracy, curve, recipe, device, wall time."""
    input:
        cards=lambda wildcards: trained(wildcards.edition, "card.json"),
        timings=lambda wildcards: trained(wildcards.edition, "timing.json"),
    output:
        page=reported(
            "results/editions/{edition}/networks.html",
            caption="../report/networks.rst",
            category="Overview",
            labels={"artifact": "cards", "shows": "accuracy, curve, recipe, wall time", "benchmark": "all"},
        ),
    log:
        "results/logs/editions/{edition}/networks.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(
            checkpoints=[
                f"{CONFIG.benchmarks[benchmark].title}, seed {seed}"
                for benchmark in EDITIONS[wildcards.edition]
                for seed in seeds(benchmark)
            ]
        ),
        code=code("ood.appendix.training_cards"),
    shell:
        "python -m ood.appendix.training_cards --cards {input.cards} --timings {input.timings} --page {output.page}"
        " --spec {params.spec:q} --log {log}"
