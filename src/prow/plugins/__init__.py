"""Floor 5: the plugins, one module or package each. `cli` hands `BUILT` to hook, which imports none of them by name."""

from __future__ import annotations

from prow.plugin.model import Plugin
from prow.plugins.approve import PLUGIN as APPROVE
from prow.plugins.assign import PLUGIN as ASSIGN
from prow.plugins.help import PLUGIN as HELP
from prow.plugins.hold import PLUGIN as HOLD
from prow.plugins.lgtm import PLUGIN as LGTM
from prow.plugins.size import PLUGIN as SIZE
from prow.plugins.trigger import PLUGIN as TRIGGER
from prow.plugins.wip import PLUGIN as WIP

BUILT: tuple[Plugin, ...] = (APPROVE, ASSIGN, HELP, HOLD, LGTM, SIZE, TRIGGER, WIP)
