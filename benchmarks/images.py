"""`shared` and `images`: what images weigh, and what two of them have in common."""

from __future__ import annotations

from benchmarks.store import BASE, megabytes, store


def shared() -> None:
    """Layer bytes that two small images share which differ in the IDE only, of the bytes of the larger."""
    with store() as podman_store:
        first, second = (podman_store.recipe("standard", "minimal", ide)[1] for ide in ("tensorboard", "runtime"))
        _compare_ides(first, second, "tensorboard-minimal and runtime-minimal")


def images() -> None:
    """jupyter-pytorch on cuda-thin against on cuda, and what runtime-pytorch shares with it: 25 GB, half an hour."""
    with store() as podman_store:
        podman_store.cuda("runtime-cudnn")
        for layer in ("base", "runtime", "runtime-cudnn"):
            image = f"localhost/workbench-images:cuda-bookworm-py311-{layer}_{BASE.release}_{BASE.date}"
            print(
                f"  {image.partition(':')[2]:<48} {megabytes(sum(podman_store.engine.layers(image).values()))}",
                flush=True,
            )
        sizes = {}
        for base in ("cuda", "cuda-thin"):
            seconds, layers = podman_store.recipe(base, "pytorch", "jupyter")
            sizes[base] = sum(layers.values())
            ratio = sizes[base] / sizes["cuda"]
            row = f"{megabytes(sizes[base])}   {ratio:4.2f} of cuda   built in {seconds:.0f} s"
            print(f"  jupyter-pytorch on {base:<29} {row}", flush=True)
        runtime = podman_store.recipe("cuda-thin", "pytorch", "runtime")[1]
        _compare_ides(layers, runtime, "jupyter-pytorch and runtime-pytorch on cuda-thin")


def _compare_ides(first: dict[str, int], second: dict[str, int], what: str) -> None:
    both = sum(size for digest, size in first.items() if digest in second)
    larger = max(sum(first.values()), sum(second.values()))
    apart = sum(first.values()) + sum(second.values())
    print(f"layer bytes of {what}")
    print(f"  shared        {megabytes(both)}   {both / larger:4.2f} of the larger image ({megabytes(larger).strip()})")
    print(f"  kept together {megabytes(apart - both)}   {(apart - both) / apart:4.2f} of the two by themselves")
