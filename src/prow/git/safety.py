"""What keeps git from doing more than it is asked (DESIGN §4).

git sees no configuration but the one made here, given in the environment: no hooks, no file system monitor, an allow list of
protocols, objects checked as they arrive (except for old blemishes that many public repositories carry and that harm
nobody), no prompts, no background work, no extensions by attributes. A token is a header in a file of `client`'s own, never in an
argument or an environment.
Every name that a pull request may choose is checked before it reaches an argument or a path.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from prow.git.errors import BadName

_KEPT = (
    "PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
    "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "SSH_AUTH_SOCK",
)  # fmt: skip
_HARMLESS = (
    "badTimezone", "missingSpaceBeforeDate", "missingEmail", "zeroPaddedFilemode", "missingSpaceBeforeEmail", "badDate",
    "badEmail", "missingNameBeforeEmail", "duplicateEntries", "largePathname", "gitmodulesMissing",
)  # fmt: skip
TOLERANT_FSCK = {f"fsck.{name}": "ignore" for name in _HARMLESS if name != "largePathname"}
"""For `git fsck`, which ends over a name that its version does not know yet."""
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_PROTOCOLS = frozenset({"https", "http", "ssh", "file"})

_FAULT = re.compile(r"object [0-9a-f]{40}: (\w+):", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_REPO = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|\.$|/$")
_LONGEST_REF = 500
_LONGEST_PART = 250
_LONGEST_PATH = 4096


def config(remote: str) -> dict[str, str]:
    """git's whole configuration for work with `remote` (an address, or the empty text for none), but for the token."""
    scheme = urlsplit(remote).scheme if remote else ""
    settings = {
        "core.hooksPath": "/dev/null",
        "core.fsmonitor": "false",
        "core.attributesFile": "/dev/null",
        "attr.tree": EMPTY_TREE,  # some gits take those of the default branch
        "core.excludesFile": "/dev/null",
        "core.askPass": "",
        "core.protectNTFS": "false",
        "core.quotePath": "false",
        "protocol.allow": "never",
        "protocol.version": "2",
        "transfer.credentialsInUrl": "die",
        "fetch.fsckObjects": "true",
        **{f"fetch.fsck.{name}": "ignore" for name in _HARMLESS},
        "fetch.recurseSubmodules": "false",
        "submodule.recurse": "false",
        "safe.directory": "*",
        "safe.bareRepository": "explicit",
        "init.defaultBranch": "main",
        "gc.auto": "0",
        "gc.autoDetach": "false",
        "maintenance.auto": "false",
        "credential.helper": "",
        "http.lowSpeedLimit": "1",  # a git whose Prow was killed ends, too
        "http.lowSpeedTime": "600",
        "merge.renameLimit": "2000",
        "core.bigFileThreshold": "64m",
    }
    if scheme in _PROTOCOLS:
        settings[f"protocol.{scheme}.allow"] = "always"
    return settings


def secret_header(remote: str, token: str) -> tuple[str, str] | None:
    """The server that a token is for, and the header that gives it; None: none is needed."""
    if not token or urlsplit(remote).scheme not in {"https", "http"}:
        return None
    return f"{origin(remote)}/", f"Authorization: Basic {_basic(token)}"


def environment(environ: Mapping[str, str], home: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of one git process. `home`: a folder of ours, so that no `.netrc` of a person is read."""
    made = {name: environ[name] for name in _KEPT if name in environ}
    made.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    if authorities := made.get("SSL_CERT_FILE"):
        made.setdefault("GIT_SSL_CAINFO", authorities)  # not every git's TLS library knows the name that ours reads
    made |= {
        "HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ADVICE": "0",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        made[f"GIT_CONFIG_KEY_{number}"] = key
        made[f"GIT_CONFIG_VALUE_{number}"] = value
    return made


def is_old_blemish(text: str) -> bool:
    """Whether git refused objects for something that harms nobody."""
    found = _FAULT.search(text)
    return found is not None and found[1].lower() in {name.lower() for name in _HARMLESS}


def origin(remote: str) -> str:
    parts = urlsplit(remote)
    return f"{parts.scheme}://{parts.netloc}"


def censored(text: str, token: str) -> str:
    """`text` without the token, plain or as it stands in the header."""
    if not token:
        return text
    for secret in (token, _basic(token)):
        text = text.replace(secret, "CENSORED")
    return text


def _basic(token: str) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()


def owner(name: str) -> str:
    if not _OWNER.fullmatch(name) or name.endswith("."):
        raise BadName(f"{name!r} cannot be the name of an organisation")
    return name


def repository(name: str) -> str:
    if not _REPO.fullmatch(name) or name in {".", ".."}:
        raise BadName(f"{name!r} cannot be the name of a repository")
    return name


def commit(sha: str) -> str:
    """A full SHA, in lower case."""
    if not _COMMIT.fullmatch(sha):
        raise BadName(f"{sha!r} is not a full commit SHA of 40 digits")
    return sha


def ref(name: str) -> str:
    """A full ref name, by git's own rules (`git check-ref-format`) and those of file systems, where refs are files."""
    if not name.startswith("refs/") or _BAD_IN_REF.search(name) or not _is_file_name(name):
        raise BadName(f"{name!r} is not a full ref name such as refs/heads/main")
    return name


def _is_file_name(name: str) -> bool:
    try:
        parts = name.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return len(name) <= _LONGEST_REF and max(map(len, parts)) <= _LONGEST_PART


def branch_ref(branch: str) -> str:
    if branch.startswith("-"):
        raise BadName(f"{branch!r} cannot be the name of a branch")
    return ref(f"refs/heads/{branch}")


def refspec(spec: str) -> str:
    """A commit, or `[+]source[:target]` of full ref names, both with one `*` or none."""
    if _COMMIT.fullmatch(spec):
        return spec
    source, colon, target = spec.removeprefix("+").partition(":")
    sides = (source, target) if colon else (source,)
    if len({side.count("*") for side in sides}) != 1 or source.count("*") > 1:
        raise BadName(f"{spec!r} is not a refspec of full names")
    for side in sides:
        if not _COMMIT.fullmatch(side) or side is not source:
            ref(side.replace("*", "x"))
    return spec


def file_path(path: str) -> str:
    """A path inside a repository; empty for its root."""
    parts = path.split("/")
    bad = path and (any(part in {"", ".", ".."} for part in parts) or "\x00" in path or len(path) > _LONGEST_PATH)
    if bad:
        raise BadName(f"{path!r} is not a path inside a repository")
    return path
