"""The profile as it stands: the same bytes as a local run, on the right partitions, in few submissions."""

from training import slurm


def test_the_results_have_the_bytes_of_a_local_run(projects, reference):
    assert {"cells/digits.parquet", "checkpoints/digits/seed0/model.safetensors"} <= set(reference)
    assert projects["slurm"].digests() == reference
    assert projects["slurm"].planned() == {}


def test_networks_run_on_the_gpu_partition_with_one_gpu_each(projects):
    rows = slurm("sacct", "-X", "-n", "-P", "-o", "Partition,State,AllocTRES,WorkDir").splitlines()
    jobs = [row.split("|") for row in rows if row.endswith(f"|{projects['slurm'].folder}")]
    gpus = ["gres/gpu=1" in allocated.split(",") for _, _, allocated, _ in jobs]
    assert all(state == "COMPLETED" for _, state, _, _ in jobs)
    assert gpus == [partition == "gpu" for partition, *_ in jobs]
    # prepared: digits, letters; scores, metrics, and, which need no metrics, summaries, rounding: a group each; four
    # notebooks; pages of lineage of the benchmark, and of tables across benchmarks.
    # train, extract: digits, letters; odin; closeup, for the saliency maps.
    assert (gpus.count(False), gpus.count(True)) == (11, 5)


def test_the_log_of_a_gpu_job_begins_with_where_it_ran(projects):
    logs = projects["slurm"].folder / "results/logs"
    for job in ("checkpoints/digits/seed0", "features/digits/seed0/letters", "scores/digits/seed0/odin"):
        first = (logs / f"{job}.log").read_text().splitlines()[0]
        for fact in ("device ", ", driver none, torch 2.", ", SLURM job ", ", node n"):
            assert fact in first, first
