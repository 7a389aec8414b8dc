# A row of resources/datasets.csv -> uint8 images, an index with a digest per image, a card.


rule prepare:
    """Bring a dataset's images to their size and order, and check its digest."""
    output:
        images="results/data/{dataset}/images.npy",
        index="results/data/{dataset}/index.parquet",
        card="results/data/{dataset}/card.json",
    log:
        "results/logs/data/{dataset}.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(**DATASETS[wildcards.dataset].model_dump()),
        code=lambda wildcards: code("ood.prepare", f"ood.datasets.{DATASETS[wildcards.dataset].source}"),
    shell:
        "python -m ood.prepare --images {output.images} --index {output.index} --card {output.card}"
        " --spec {params.spec:q} --log {log}"
