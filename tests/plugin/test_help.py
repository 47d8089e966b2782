"""Command help is made of the declarations, with upstream's field names (`spec/plugins-review` §1.9)."""

from __future__ import annotations

import msgspec
from inline_snapshot import snapshot

from prow.config.plugin_options import ExternalPlugin, RepoPlugins
from prow.config.plugins import PluginsConfig
from prow.model.events import Event, EventKind
from prow.plugin.context import Context
from prow.plugin.help import help_for_all
from prow.plugin.model import Command, Plugin


async def _nothing(ctx: Context, event: Event) -> None: ...


PARROT = Plugin(
    name="parrot",
    description="Repeats.",
    handlers={EventKind.GENERIC_COMMENT: _nothing, EventKind.PUSH: _nothing, EventKind.CHECK_RUN: _nothing},
    commands=(
        Command(name="say", pattern="(?m)^/say", usage="/say WORD", description="Says it.", who_can_use="Anyone"),
        Command(name="shout", pattern="", usage="/shout", description="", examples=("/shout a",), featured=True),
    ),
    config_help=lambda config: {"": f"{len(config.plugins)} entries"},
)
CONFIG = PluginsConfig(
    plugins={"acme": RepoPlugins(plugins=("parrot",)), "zoo/birds": RepoPlugins(plugins=("parrot",))},
    external_plugins={"acme/rockets": (ExternalPlugin(name="far", endpoint="http://far"),)},
)


def test_the_answer_has_the_field_names_of_the_original() -> None:
    found = help_for_all([PARROT], CONFIG, repos={"acme": ("acme/tools",), "other": ("other/x",)})
    assert msgspec.to_builtins(found) == snapshot(
        {
            "AllRepos": ("acme/rockets", "acme/tools", "zoo/birds"),
            "RepoPlugins": {"": ("parrot",), "acme": ("parrot",), "zoo/birds": ("parrot",)},
            "RepoExternalPlugins": {"acme/rockets": ("far",)},
            "PluginHelp": {
                "parrot": {
                    "Description": "Repeats.",
                    "Config": {"": "2 entries"},
                    "Events": ("GenericCommentEvent (any event for user text)", "push"),
                    "Commands": (
                        {
                            "Usage": "/say WORD",
                            "Featured": False,
                            "Description": "Says it.",
                            "Examples": ("/say WORD",),
                            "WhoCanUse": "Anyone",
                        },
                        {
                            "Usage": "/shout",
                            "Featured": True,
                            "Description": "",
                            "Examples": ("/shout a",),
                            "WhoCanUse": "",
                        },
                    ),
                }
            },
            "ExternalPluginHelp": {},
        }
    )


def test_an_org_whose_repositories_are_not_known_is_left_out() -> None:
    assert help_for_all([PARROT], CONFIG).all_repos == ("acme/rockets", "zoo/birds")
