"""`prow checkconfig` on Kubernetes' instance in a new process, when another one has read the same files before."""

from __future__ import annotations

import tempfile

from bench import support, support_config


def main() -> None:
    with support_config.kubernetes() as instance, tempfile.TemporaryDirectory() as cache:
        environment = {"PROW_CONFIG_CACHE_DIR": cache}
        command = support_config.checkconfig(instance)
        support_config.timed(command, environment=environment)
        warm = support_config.best(command, rounds=7, environment=environment)
        theirs = support_config.peer(instance)
    support.report(
        "config_warm",
        work=f"checkconfig on {support_config.WORK}, again in a new process",
        figures={"wall_s": warm.seconds, "rss_mb": warm.mb},
        target={"wall_s": "< 0.3", "rss_mb": "< 150"},
        peer={"wall_s": theirs.seconds, "rss_mb": theirs.mb} if theirs is not None else None,
    )


if __name__ == "__main__":
    main()
