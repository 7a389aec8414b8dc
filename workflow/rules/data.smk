# Files -> uint8 images or a tar of encoded pictures, an index with a digest per image, a card. Only ``fetch`` uses the
# network, on the local machine. Local are also, here and elsewhere, jobs of a second or two. Of what could start, all of
# it goes first; but a network can start as soon as its own images are there. That nothing is trained before all images
# are there and compared takes a run of its own, --until disjoint: workflow/run.sh, slurm/README.md.
localrules:
    fetch,
    disjoint,


rule fetch:
    """Bring one file from the mirror or its origin, and check its size and digest."""
    output:
        file="results/archives/{file}",
    log:
        "results/logs/archives/{file}.log",
    priority: 1
    conda:
        "../../envs/ood.yaml"
    params:
        # No digest of code: whichever way a file comes, it is the file with this digest, and it may be very large.
        spec=lambda wildcards: spec(**FILES[wildcards.file].model_dump(include={"file", "digest", "bytes"})),
    shell:
        "python -m ood.data.fetch --file {output.file} --spec {params.spec:q} --log {log}"


rule prepare:
    """Bring a dataset's images to their size and order, and check its digest."""
    input:
        files=lambda wildcards: archives(wildcards.dataset),
    output:
        images="results/data/{dataset}/images.npy",
        index="results/data/{dataset}/index.parquet",
        card="results/data/{dataset}/card.json",
        sheet="results/data/{dataset}/sheet.png",
    log:
        "results/logs/data/{dataset}.log",
    wildcard_constraints:
        dataset=any_of(name for name in DATASETS if not DATASETS[name].packed),
    priority: 1
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(**DATASETS[wildcards.dataset].model_dump(exclude={"files"})),
        code=lambda wildcards: code("ood.data.prepare", f"ood.datasets.{DATASETS[wildcards.dataset].source}"),
    shell:
        "python -m ood.data.prepare --files {input.files} --images {output.images} --index {output.index}"
        " --card {output.card} --sheet {output.sheet} --spec {params.spec:q} --log {log}"


rule pack:
    """Put a dataset's encoded pictures into one file, unchanged, and check its digest."""
    input:
        files=lambda wildcards: archives(wildcards.dataset),
    output:
        images="results/data/{dataset}/images.tar",
        index="results/data/{dataset}/index.parquet",
        card="results/data/{dataset}/card.json",
        sheet="results/data/{dataset}/sheet.png",
    log:
        "results/logs/data/{dataset}.log",
    wildcard_constraints:
        dataset=any_of(name for name in DATASETS if DATASETS[name].packed),
    priority: 1
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(**DATASETS[wildcards.dataset].model_dump(exclude={"files"})),
        code=lambda wildcards: code("ood.data.pack", f"ood.datasets.{DATASETS[wildcards.dataset].source}"),
    shell:
        "python -m ood.data.pack --files {input.files} --images {output.images} --index {output.index}"
        " --card {output.card} --sheet {output.sheet} --spec {params.spec:q} --log {log}"


rule disjoint:
    """Make sure that no out-of-distribution image is an in-distribution one."""
    input:
        indices=lambda wildcards: expand("results/data/{dataset}/index.parquet", dataset=sets(wildcards.benchmark)),
    output:
        counts="results/data/disjoint/{benchmark}.json",
    log:
        "results/logs/data/disjoint/{benchmark}.log",
    priority: 1
    conda:
        "../../envs/ood.yaml"
    params:
        spec=lambda wildcards: spec(benchmark=wildcards.benchmark, datasets=sets(wildcards.benchmark)),
        code=code("ood.data.disjoint"),
    shell:
        "python -m ood.data.disjoint --indices {input.indices} --counts {output.counts} --spec {params.spec:q} --log {log}"
