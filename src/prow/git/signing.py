"""The SSH key that commits are signed with, looked at before anything is to be signed."""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path

from prow.lib.errors import UsageError

FLAG = "--git-signing-key-path"
_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----\s(.*?)-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
_MAGIC = b"openssh-key-v1\0"
_OTHERS = 0o077


def check(path: Path) -> None:
    """Raises UsageError for what `ssh-keygen` would refuse to sign with when nobody is there to be asked."""
    try:
        data = path.read_bytes()
        facts = path.stat()
    except FileNotFoundError:
        raise UsageError(f"{FLAG} {path}: there is no such file; give a private SSH key") from None
    except OSError as error:
        raise UsageError(f"{FLAG} {path}: {error.strerror}; give a private SSH key") from None
    block = _BLOCK.search(data)
    if block is None:
        raise UsageError(f"{FLAG} {path}: this is no private SSH key; `ssh-keygen -t ed25519 -N ''` makes one")
    if is_encrypted(block[1], block[2]):
        raise UsageError(
            f"{FLAG} {path}: the key has a passphrase, and nobody is there to type it; `ssh-keygen -p -N ''` takes it away"
        )
    if facts.st_uid == os.getuid() and facts.st_mode & _OTHERS:
        raise UsageError(
            f"{FLAG} {path}: others may read the key, and ssh refuses such keys; `chmod 600` makes it yours"
        )


def is_encrypted(kind: bytes, body: bytes) -> bool:
    """Whether a private key (the label and the text of its PEM block) wants a passphrase. Pure."""
    if kind.startswith(b"ENCRYPTED") or b"ENCRYPTED" in body.partition(b"\n\n")[0]:
        return True
    try:
        data = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return False
    if not data.startswith(_MAGIC):
        return False
    size = int.from_bytes(data[len(_MAGIC) :][:4])
    return data[len(_MAGIC) + 4 :][:size] != b"none"
