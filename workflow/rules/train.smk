# Prepared in-distribution set + recipe + seed -> checkpoint, and its admission.


rule train:
    """Train one network with one seed."""
    input:
        images=lambda wildcards: f"results/data/{sets(wildcards.benchmark)[0]}/images.npy",
        index=lambda wildcards: f"results/data/{sets(wildcards.benchmark)[0]}/index.parquet",
    output:
        weights="results/checkpoints/{benchmark}/seed{seed}/model.safetensors",
        card="results/checkpoints/{benchmark}/seed{seed}/card.json",
    log:
        "results/logs/checkpoints/{benchmark}/seed{seed}.log",
    benchmark:
        "results/benchmarks/checkpoints/{benchmark}/seed{seed}.tsv"
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(**training(wildcards)),
        code=lambda wildcards: code("ood.training", f"ood.networks.{training(wildcards)['network']}"),
    shell:
        "python -m ood.training --images {input.images} --index {input.index} --weights {output.weights}"
        " --card {output.card} --spec {params.spec:q} --log {log}"


rule accept:
    """Stop what hangs on a checkpoint whose test accuracy is outside its band."""
    input:
        card=rules.train.output.card,
    output:
        accepted="results/checkpoints/{benchmark}/seed{seed}/accepted.json",
    log:
        "results/logs/checkpoints/{benchmark}/seed{seed}.accepted.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(benchmark=wildcards.benchmark, band=CONFIG.benchmarks[wildcards.benchmark].accuracy),
        code=code("ood.acceptance"),
    shell:
        "python -m ood.acceptance --card {input.card} --accepted {output.accepted} --spec {params.spec:q} --log {log}"
