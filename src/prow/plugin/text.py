"""Texts that the bot writes, pure. The words are ours; the shape (addressee, details, quoted command) is upstream's.

Whatever a person wrote is quoted with `>` before every line, which keeps the bot's own reply from being read as a command, and
is kept from mentioning people, from opening tags and from starting the hidden comments by which programs find their own.
"""

from __future__ import annotations

import re

ABOUT = (
    "I am a bot. [These commands](https://go.k8s.io/bot-commands) are understood here; "
    "[this guide](https://git.k8s.io/community/contributors/guide/pull-requests.md) tells how to work with me. "
    "Something I did looks wrong? [Tell the maintainers](https://github.com/kubernetes-sigs/prow/issues/new?title=Prow%20issue:)."
)
_LONGEST_QUOTE = 4_000
_LONGEST_MESSAGE = 50_000
_CUT = "(The rest is too long for a comment.)"
_FENCE = "```"
_LIVE = re.compile(r"@|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])")
"""What GitHub's Markdown acts upon: mentions (also spelt as an entity), tags and hidden comments, entities."""


def reply(login: str, message: str, *, quoted: str, link: str) -> str:
    """An answer to a comment: who is meant, what is said, and, folded away, what it answers."""
    details = f"In response to [this]({link}):\n\n{quote(quoted)}\n\n{ABOUT}"
    return f"@{login}: {_fitting(message)}\n\n<details>\n\n{details}\n</details>"


def plain(message: str) -> str:
    """A message of the bot's own."""
    return f"{_fitting(message)}\n\n<details>\n\n{ABOUT}\n</details>"


def quote(text: str) -> str:
    """Someone's words as a quotation that pings nobody and hides nothing."""
    if len(text) > _LONGEST_QUOTE:
        text = f"{text[:_LONGEST_QUOTE]} …"
    safe = _LIVE.sub("\\g<0>\u200b", text)
    return "\n".join(f">{line}" for line in safe.splitlines() or [""])


def own_words(body: str) -> str:
    """A comment of the bot without what it quotes there; marks that it is looked for by stand in the rest."""
    return "".join(line for line in body.splitlines(keepends=True) if not line.startswith(">"))


def marker(key: str) -> str:
    """The hidden line by which an effect's comment is found again."""
    return f"<!-- prow:effect={key} -->"


def code(text: str) -> str:
    """Text of others inside a sentence: as code, and never longer than a line."""
    flat = _one_line(text)
    return f"`{flat}`" if flat else "(empty)"


def command_item(command: str) -> str:
    """A command from some job's config, to be copied. Only `/test` stands alone on its line, in a block.

    Any other might be obeyed as the bot's own word: the jobs of a pull request say themselves what their command is.
    """
    flat = _one_line(command)
    return f"{_FENCE}\n{flat}\n{_FENCE}" if flat.startswith("/test ") else f"- {code(flat)}"


def _one_line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())[:200]


def _fitting(message: str) -> str:
    """Cut between lines where it is too long; a block that is cut is closed."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    kept = message[:_LONGEST_MESSAGE].rpartition("\n")[0] or message[:_LONGEST_MESSAGE]
    closing = f"\n{_FENCE}" if sum(line.startswith(_FENCE) for line in kept.splitlines()) % 2 else ""
    return f"{kept}{closing}\n\n{_CUT}"
