"""Metal3's instance without a cache: from the start of a process until its configuration is loaded, and checkconfig."""

from __future__ import annotations

import sys

from bench import support, support_config

COLD = {"PROW_CONFIG_CACHE_DIR": "off"}
READY = """
import sys
from prow.config.load import load
from prow.config.load_plugins import load_plugins
load(sys.argv[1], sys.argv[2])
load_plugins(sys.argv[3])
"""


def main() -> None:
    instance = support_config.metal3()
    loaded = support_config.best([sys.executable, "-c", READY, *instance], rounds=7, environment=COLD)
    checked = support_config.best(support_config.checkconfig(instance), rounds=5, environment=COLD)
    theirs = support_config.peer(instance)
    support.report(
        "config_metal3",
        work=f"Metal3's instance (41 job files, 632 jobs): process start to loaded; checkconfig (exit {checked.status})",
        figures={"wall_s": loaded.seconds, "checkconfig_s": checked.seconds, "rss_mb": loaded.mb},
        target={"wall_s": "< 0.3"},
        peer={"checkconfig_s": theirs.seconds, "rss_mb": theirs.mb} if theirs is not None else None,
    )


if __name__ == "__main__":
    main()
