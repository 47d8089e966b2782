"""Texts that the bot writes, pure. The words are ours; the shape (addressee, details, quoted command) is upstream's.

Whatever a person wrote is quoted with `>` before every line, which keeps the bot's own reply from being read as a command, and
is kept from mentioning people or starting HTML comments again.
"""

from __future__ import annotations

ABOUT = (
    "I am a bot. [These commands](https://go.k8s.io/bot-commands) are understood here; "
    "[this guide](https://git.k8s.io/community/contributors/guide/pull-requests.md) tells how to work with me. "
    "Something I did looks wrong? [Tell the maintainers](https://github.com/kubernetes-sigs/prow/issues/new?title=Prow%20issue:)."
)
_LONGEST_QUOTE = 4_000
_LONGEST_BODY = 60_000


def reply(login: str, message: str, *, quoted: str, link: str) -> str:
    """An answer to a comment: who is meant, what is said, and, folded away, what it answers."""
    return (
        f"@{login}: {message}\n\n<details>\n\nIn response to [this]({link}):\n\n{quote(quoted)}\n\n{ABOUT}\n</details>"[
            :_LONGEST_BODY
        ]
    )


def plain(message: str) -> str:
    """A message of the bot's own."""
    return f"{message}\n\n<details>\n\n{ABOUT}\n</details>"[:_LONGEST_BODY]


def quote(text: str) -> str:
    """Someone's words as a quotation that pings nobody and hides nothing."""
    if len(text) > _LONGEST_QUOTE:
        text = f"{text[:_LONGEST_QUOTE]} …"
    safe = text.replace("<!--", "<\u200b!--").replace("@", "@\u200b")
    return "\n".join(f">{line}" for line in safe.splitlines() or [""])


def marker(key: str) -> str:
    """The hidden line by which an effect's comment is found again."""
    return f"<!-- prow:effect={key} -->"


def code(text: str) -> str:
    """Text of others inside a sentence: as code, and never longer than a line."""
    flat = " ".join(text.replace("`", "'").split())[:200]
    return f"`{flat}`" if flat else "(empty)"
