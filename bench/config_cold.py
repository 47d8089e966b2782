"""`prow checkconfig` on Kubernetes' instance without a cache: default checks, and those which that project uses."""

from __future__ import annotations

from bench import support, support_config

COLD = {"PROW_CONFIG_CACHE_DIR": "off"}


def main() -> None:
    own = support_config.own_warnings()
    with support_config.kubernetes() as instance:
        plain = support_config.best(support_config.checkconfig(instance), environment=COLD)
        strict = support_config.best(support_config.checkconfig(instance, *own), environment=COLD)
        theirs = support_config.peer(instance)
        theirs_strict = support_config.peer(instance, *own)
    peer = {}
    if theirs is not None and theirs_strict is not None:
        peer = {"wall_s": theirs.seconds, "all_wall_s": theirs_strict.seconds, "rss_mb": theirs_strict.mb}
    support.report(
        "config_cold",
        work=f"checkconfig on {support_config.WORK}; default checks (exit {plain.status}) and the project's (exit {strict.status})",
        figures={"wall_s": plain.seconds, "all_wall_s": strict.seconds, "rss_mb": max(plain.mb, strict.mb)},
        target={"wall_s": "< 2.0", "all_wall_s": "< 2.2", "rss_mb": "< 240"},
        peer=peer,
    )


if __name__ == "__main__":
    main()
