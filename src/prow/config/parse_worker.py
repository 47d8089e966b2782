"""The second process of a large load: job files from standard input, what they say to standard output, both msgpack."""

from __future__ import annotations

import gc
import sys

import msgspec

from prow.config.parsed import ENCODER, parse


def main() -> None:
    gc.disable()
    texts = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[bytes])
    encoder = ENCODER
    sys.stdout.buffer.write(encoder.encode([parse(text) for text in texts]))


if __name__ == "__main__":
    main()
