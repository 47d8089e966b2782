"""Which of kubernetes/kubernetes' presubmits run for one pull request event: with 200 and with 3,000 changed files."""

from __future__ import annotations

import random
import time

from bench import support, support_config
from prow.config.load import load
from prow.jobs.rules import How, select_presubmits

ROUNDS = 15
SMALL, LARGE = 200, 3_000
FOLDERS = (
    "pkg/kubelet", "pkg/scheduler/framework", "test/e2e/network", "test/e2e_node", "cmd/kube-proxy", "docs", "hack",
    "staging/src/k8s.io/api/core/v1", "staging/src/k8s.io/client-go/tools/cache", "vendor/github.com/google/cel-go",
    "cluster/gce", "build", "api/openapi-spec", "pkg/volume/csi", "plugin/pkg/admission",
)  # fmt: skip


def paths(count: int) -> list[str]:
    chance = random.Random(count)
    kinds = ("go", "go", "go", "md", "yaml", "sh", "json")
    return [
        f"{chance.choice(FOLDERS)}/part{chance.randrange(99)}/file_{n}.{chance.choice(kinds)}" for n in range(count)
    ]


def main() -> None:
    figures: dict[str, float] = {}
    with support_config.kubernetes() as instance:
        config = load(instance.config, instance.jobs)
    jobs = config.presubmits_for("kubernetes", "kubernetes")
    conditional = sum(job.change_matcher is not None for job in jobs)
    for name, count in (("ms_200", SMALL), ("ms_3000", LARGE)):
        files = paths(count)
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            select_presubmits(jobs, branch="master", filters=(How.ALL,), files=files)
            took.append((time.perf_counter() - began) * 1000)
        figures[name] = support.percentile(took[1:], 0.5)
        figures[f"first_{name}"] = took[0]
    support.report(
        "match",
        work=f"kubernetes/kubernetes: {len(jobs)} presubmits, {conditional} of them by changed files; {ROUNDS} events",
        figures=figures,
        target={"ms_200": "< 15", "ms_3000": "< 150, off the loop"},
    )


if __name__ == "__main__":
    main()
