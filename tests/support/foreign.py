"""Programs that are not ours, run against a simulated GitHub: their output, and a certificate that they trust."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from prow.lib.clock import SystemClock
from prow.lib.http import TLS

_PATIENCE = 60.0


needs_gh = pytest.mark.skipif(shutil.which("gh") is None, reason="run `make setup-tests`: there is no gh")


class Failed(AssertionError):
    """A program ended with an error; the text is what it said."""


def certificate(folder: Path) -> TLS:
    """A certificate of this machine for a day, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    tls = TLS(folder / "tls.crt", folder / "tls.key")
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tls


def gh_environment(url: str, token: str, tls: TLS, folder: Path) -> dict[str, str]:
    """What makes `gh` speak to the GitHub at `url`, and the git that it starts, too."""
    return {
        "GH_HOST": url.removeprefix("https://"),
        "GH_ENTERPRISE_TOKEN": token,
        "SSL_CERT_FILE": str(tls.certificate),
        "GIT_SSL_CAINFO": str(tls.certificate),
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "GH_CONFIG_DIR": str(folder / "gh"),
    }


async def run(*argv: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: bytes = b"") -> str:
    """Standard output of a program with nothing but this environment and PATH."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **(env or {})},
        stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with SystemClock().timeout(_PATIENCE):
            out, err = await process.communicate(stdin or None)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Failed(f"{' '.join(argv)}: has not ended after {_PATIENCE:g} s") from None
    if process.returncode:
        raise Failed(f"{' '.join(argv)}: {process.returncode}\n{out.decode()}\n{err.decode()}")
    return out.decode()
