"""What plank needs from whoever runs jobs: the `Engine` port. It stands in `prow.jobs.engine`, where engines see it too."""

from __future__ import annotations

from prow.jobs.engine import Engine, Execution, Phase, Rejected

__all__ = ["Engine", "Execution", "Phase", "Rejected"]
