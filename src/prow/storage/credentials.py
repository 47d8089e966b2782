"""Credentials files, mapped by hand to what the backends take (`spec/prowjobs-and-pods` §6.4).

The S3 file is upstream's JSON. An endpoint may lack its scheme (as older Prow wanted it): then it is `https://`, or
`http://` when `insecure` is set; with `https://`, `insecure` means that the certificate is not checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from prow.lib import logs
from prow.lib.errors import UsageError

DEFAULT_REGION = "us-east-1"

C = TypeVar("C")


class S3Credentials(msgspec.Struct, frozen=True):
    """Keys of the S3 credentials file."""

    region: str = ""
    endpoint: str = ""
    insecure: bool = False
    s3_force_path_style: bool = False
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""


def read_s3(file: str) -> S3Credentials:
    """Read the file named by `--s3-credentials-file`; an empty name gives empty credentials (the environment's)."""
    if not file:
        return S3Credentials()
    credentials = _read("--s3-credentials-file", file, S3Credentials)
    logs.censor(credentials.secret_key.encode(), credentials.session_token.encode())
    return credentials


def check_gcs(file: str) -> None:
    """Raise `UsageError` when the file named by `--gcs-credentials-file` cannot be one; an empty name is fine."""
    if file:
        _read("--gcs-credentials-file", file, dict[str, Any])


def _read(flag: str, file: str, kind: type[C]) -> C:
    try:
        return msgspec.json.decode(Path(file).read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(f"{flag} {file}: cannot read these credentials: {error.strerror or error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{flag} {file}: not the JSON that is expected: {error}") from error


def s3_arguments(credentials: S3Credentials) -> tuple[dict[str, Any], dict[str, Any]]:
    """Store configuration and client options for obstore's `S3Store`."""
    config: dict[str, Any] = {}
    client: dict[str, Any] = {}
    endpoint = credentials.endpoint
    if endpoint:
        if "://" not in endpoint:
            endpoint = f"{'http' if credentials.insecure else 'https'}://{endpoint}"
        config["endpoint"] = endpoint.rstrip("/")
        config["virtual_hosted_style_request"] = False
        client["allow_http"] = endpoint.startswith("http://")
        client["allow_invalid_certificates"] = credentials.insecure and endpoint.startswith("https://")
        config["region"] = credentials.region or DEFAULT_REGION
    else:
        config["virtual_hosted_style_request"] = not credentials.s3_force_path_style
        if credentials.region:
            config["region"] = credentials.region
    if credentials.access_key and credentials.secret_key:
        config["access_key_id"] = credentials.access_key
        config["secret_access_key"] = credentials.secret_key
        if credentials.session_token:
            config["session_token"] = credentials.session_token
    return config, client
