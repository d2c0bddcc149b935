"""Training with two single-threaded processes against one process with two threads, for encoders of three sizes.

    python bench/studies/threads.py [rounds]

Steps of 32 sequences of 42 sub-words; random weights, all of them trained; a vocabulary of 8,000 rows. Prints the
sub-words per second and the peak memory, both summed over the processes. Prediction: multi-threading is less efficient
for small matrix products than for large ones, so one thread per process is faster for small encoders and equal for
large ones.
"""

import json
import resource
import subprocess
import sys
import time
from statistics import median

import torch
from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

from xstilts.models.inputs import autocast
from xstilts.models.speed.first_token import use_first_token
from xstilts.models.tuning import set_dropout
from xstilts.platform.hardware import matrix_precision

SIZES = {"e5-small": (384, 12, 12), "XLM-R base": (768, 12, 12), "XLM-R Large": (1024, 24, 16)}
"""Hidden size, layers, heads."""
SEQUENCES, TOKENS, ROWS, SECONDS = 32, 42, 8000, 20


def train(hidden: int, depth: int, heads: int, threads: int) -> None:
    """Wait for a line on standard input, then train for `SECONDS`. Prints sub-words per second and peak MB as JSON."""
    torch.set_num_threads(threads)
    sizes = {"hidden_size": hidden, "num_hidden_layers": depth, "num_attention_heads": heads}
    config = XLMRobertaConfig(
        vocab_size=ROWS, intermediate_size=4 * hidden, max_position_embeddings=514, num_labels=3, **sizes
    )
    model = XLMRobertaForSequenceClassification(config).train()
    set_dropout(model, 0.1)
    trained_part = use_first_token(model, "classification")
    adam = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    ids = torch.randint(5, ROWS, (SEQUENCES, TOKENS))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.zeros(SEQUENCES).long()}

    def step() -> None:
        with autocast("cpu", matrix_precision()):
            loss = trained_part(**batch).loss
        loss.backward()
        adam.step()
        adam.zero_grad()

    step()
    print("ready", flush=True)
    sys.stdin.readline()
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS or steps < 2:
        step()
        steps += 1
    rate = steps * ids.numel() / (time.perf_counter() - started)
    print(json.dumps({"rate": rate, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


def run_processes(sizes: tuple[int, int, int], threads: int) -> tuple[float, float]:
    """Train in `2 // threads` processes. Returns sub-words per second and peak MB, summed over the processes."""
    command = [sys.executable, __file__, *map(str, (*sizes, threads))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2 // threads)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    results = [json.loads(process.communicate()[0]) for process in processes]
    return sum(result["rate"] for result in results), sum(result["mb"] for result in results)


def main(rounds: int = 2) -> None:
    print(f"{'encoder':14}{'threads each':>14}{'sub-words per second':>22}{'total MB':>14}")
    for name, sizes in SIZES.items():
        runs = {1: [], 2: []}
        for _ in range(rounds):
            for threads, results in runs.items():
                results.append(run_processes(sizes, threads))
        for threads, results in runs.items():
            rate, memory = (median(values) for values in zip(*results, strict=True))
            print(f"{name:14}{threads:14}{rate:22.0f}{memory:14.0f}")


if __name__ == "__main__":
    if len(sys.argv) == 5:
        train(*map(int, sys.argv[1:]))
    else:
        main(*map(int, sys.argv[1:]))
