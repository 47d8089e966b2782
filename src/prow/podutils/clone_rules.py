"""What clonerefs does, as values: the git commands for one ref, the records, and their text (`spec/prowjobs-and-pods` §5.1).

Pure. The parts of a Refs may come from a pull request's own `.prow.yaml`, so `check_refs` refuses everything that git could
take for an option or a refspec, and every folder outside the source root, before a command is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

import msgspec

from prow.lib import durations
from prow.lib.errors import Permanent, UsageError
from prow.model.base import Noun, always
from prow.model.gojson import go_json
from prow.model.refs import Pull, Refs
from prow.podutils.options import CloneOptions
from prow.podutils.plan import clone_path

FETCH_RETRIES = (0.1, 0.2, 0.4, 0.8, 2.0, 5.0, 10.0, 15.0, 30.0)
"""Seconds before each further attempt of a fetch."""

FETCH_HEAD = "FETCH_HEAD"
_SCHEMES = frozenset({"http", "https", "ssh", "git", "file"})
_IN_NAMES = frozenset(" ~^:?*[\\")
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::", re.ASCII)


class CommandRecord(Noun, frozen=True):
    """One command as it is shown; `duration` in nanoseconds."""

    command: str = always("")
    output: str = ""
    error: str = ""
    duration: int = 0


class CloneRecord(Noun, frozen=True):
    """What happened to one ref; the record of the set-up has empty refs. `duration` in nanoseconds."""

    refs: Refs = always(Refs())
    commands: tuple[CommandRecord, ...] = ()
    failed: bool = False
    final_sha: str = ""
    duration: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One command: `env` is added to the environment and shown. `retried`: as a fetch is."""

    argv: tuple[str, ...]
    cwd: str
    env: tuple[tuple[str, str], ...] = ()
    retried: bool = False

    @property
    def text(self) -> str:
        shown = " ".join(f"{name}={value}" for name, value in self.env)
        return f"PWD={self.cwd} {shown} {' '.join(self.argv)}"


class BadRefs(Permanent):
    """These refs cannot be cloned as they are; the text says why."""


def check_refs(refs: Refs, src_root: str, *, allow_local: bool) -> None:
    """Raise `BadRefs` for refs that could make git do anything but fetch and merge."""
    folder = clone_path(src_root, refs)
    if not folder.startswith(f"{src_root.rstrip('/')}/src/") or _has_control(folder):
        raise BadRefs(f"{refs.full_name}: path_alias and repo_link must stay below the source root")
    _check_name("base_ref", refs.base_ref)
    _check_name("base_sha", refs.base_sha)
    if not (refs.base_ref or refs.base_sha):
        raise BadRefs(f"{refs.full_name}: base_ref is empty")
    for pull in refs.pulls:
        _check_name("a pull's sha", pull.sha)
        _check_name("a pull's ref", pull.ref)
    for name in refs.sparse_checkout_files:
        if name.startswith("-") or _has_control(name):
            raise BadRefs(f"{refs.full_name}: {name!r} cannot be a file of a sparse checkout")
    _check_uri(clone_uri(refs), allow_local=allow_local)


def _check_name(what: str, name: str) -> None:
    if name.startswith(("-", "+")) or ".." in name or set(name) & _IN_NAMES or _has_control(name):
        raise BadRefs(f"{what} {name!r} is no name of a commit, branch or tag")


def _has_control(text: str) -> bool:
    return any(ord(character) < 0x20 or ord(character) == 0x7F for character in text)


def names_a_helper(uri: str) -> bool:
    """Whether git would start another program for this address (`ext::…`)."""
    return _HELPER.match(uri) is not None


def _check_uri(uri: str, *, allow_local: bool) -> None:
    if uri.startswith("-") or names_a_helper(uri) or _has_control(uri) or " " in uri:
        raise BadRefs(f"{uri!r} is no address of a repository")
    scheme, separator, _ = uri.partition("://")
    local = (separator and scheme == "file") or (not separator and (uri.startswith(("/", ".")) or ":" not in uri))
    if separator and scheme not in _SCHEMES:
        raise BadRefs(f"{uri!r}: repositories are fetched over https, http, ssh or git only")
    if local and not allow_local:
        raise BadRefs(f"{uri!r}: repositories on this machine may not be cloned here")


def check_paths(options: CloneOptions) -> tuple[str, ...]:
    """Warnings about refs that share a folder. `UsageError` when they are the same repository."""
    seen: dict[str, Refs] = {}
    warnings = []
    for refs in options.refs:
        folder = clone_path(options.src_root, refs)
        other = seen.get(folder)
        if other is None:
            seen[folder] = refs
            continue
        if other.full_name == refs.full_name:
            raise UsageError(f"clonerefs: {refs.full_name} is cloned twice into {folder}")
        warnings.append(f"{other.full_name} and {refs.full_name} are both cloned into {folder}")
    return tuple(warnings)


def clone_uri(refs: Refs) -> str:
    """Where the repository is, without credentials."""
    if refs.clone_uri:
        return refs.clone_uri
    if refs.repo_link:
        return f"{refs.repo_link}.git"
    return f"https://github.com/{quote(refs.org)}/{quote(refs.repo)}.git"


def takes_token(uri: str) -> bool:
    """Whether a token can be sent there: over HTTP only."""
    return urlsplit(uri).scheme in {"http", "https"}


def base_steps(options: CloneOptions, refs: Refs) -> tuple[Step, ...]:
    """From an empty folder to the base commit on its branch."""
    folder = clone_path(options.src_root, refs)
    uri = clone_uri(refs)
    sparse = bool(refs.sparse_checkout_files)
    narrow = _depth(refs) + _filter(refs)
    steps = [_git(folder, "init")]
    if options.git_user_name:
        steps.append(_git(folder, "config", "user.name", options.git_user_name))
    if options.git_user_email:
        steps.append(_git(folder, "config", "user.email", options.git_user_email))
    if options.cookie_path and refs.skip_submodules:
        steps.append(_git(folder, "config", "http.cookiefile", options.cookie_path))
    if sparse:
        steps.append(_git(folder, "sparse-checkout", "init"))
    if not (refs.skip_fetch_head or sparse):
        steps.append(_git(folder, "fetch", *narrow, uri, "--tags", "--prune", retried=True))
    no_tags = ("--no-tags",) if sparse else ()
    wanted = refs.base_sha or refs.base_ref
    steps.append(_git(folder, "fetch", *narrow, *no_tags, uri, wanted, retried=True))
    if sparse:
        steps.append(_git(folder, "sparse-checkout", "set", *refs.sparse_checkout_files))
    target = refs.base_sha or FETCH_HEAD
    steps.append(_git(folder, "checkout", target))
    if refs.base_ref:
        steps.append(_git(folder, "branch", "--force", refs.base_ref, target))
        steps.append(_git(folder, "checkout", refs.base_ref))
    return tuple(steps)


def timestamp_step(options: CloneOptions, refs: Refs) -> Step:
    """Asks for the time of the base commit; not recorded."""
    return _git(clone_path(options.src_root, refs), "show", "-s", "--format=format:%ct", "HEAD")


def final_sha_step(options: CloneOptions, refs: Refs) -> Step:
    """Asks for the commit that was made; not recorded."""
    return _git(clone_path(options.src_root, refs), "rev-parse", "HEAD")


def pull_steps(options: CloneOptions, refs: Refs, timestamp: int) -> tuple[Step, ...]:
    """Merge every pull. The dates follow from the base's, so equal inputs give equal commits."""
    folder = clone_path(options.src_root, refs)
    steps: list[Step] = []
    for number, pull in enumerate(refs.pulls, start=1):
        date = str(timestamp + number)
        steps.append(_git(folder, "fetch", *_filter(refs), clone_uri(refs), _pull_ref(pull), retried=True))
        steps.append(
            Step(
                argv=("git", "merge", "--no-ff", pull.sha or FETCH_HEAD),
                cwd=folder,
                env=(("GIT_AUTHOR_DATE", date), ("GIT_COMMITTER_DATE", date)),
            )
        )
    if not refs.skip_submodules:
        steps.append(_git(folder, "submodule", "update", "--init", "--recursive"))
    return tuple(steps)


def _pull_ref(pull: Pull) -> str:
    return pull.ref or pull.sha or f"pull/{pull.number}/head"


def _depth(refs: Refs) -> tuple[str, ...]:
    return ("--depth", str(refs.clone_depth)) if refs.clone_depth > 0 else ()


def _filter(refs: Refs) -> tuple[str, ...]:
    return ("--filter=blob:none",) if refs.blobless_fetch or refs.sparse_checkout_files else ()


def _git(folder: str, *arguments: str, retried: bool = False) -> Step:
    return Step(argv=("git", *arguments), cwd=folder, retried=retried)


def format_record(record: CloneRecord) -> str:
    """One record as people read it."""
    refs = record.refs
    lines = ["# FAILED"] if record.failed else []
    base = f"({refs.base_sha})" if refs.base_sha else ""
    lines.append((f"# Cloning {refs.full_name} at {refs.base_ref}" if refs.repo else "Environment setup") + base)
    if refs.pulls:
        lines.append("# Checking out pulls:")
        lines += [f"#\t{pull.number}" + (f"({pull.sha})" if pull.sha else "") for pull in refs.pulls]
    text = "\n".join(lines) + "\n"
    for command in record.commands:
        runtime = f" (runtime: {durations.format(command.duration)})" if command.duration else ""
        text += f"$ {command.command}{runtime}\n{command.output}"
        if command.error:
            text += f"# Error: {command.error}\n"
    return f"{text}# Final SHA: {record.final_sha}\n# Total runtime: {durations.format(record.duration)}\n"


def format_records(records: Iterable[CloneRecord]) -> str:
    return "".join(format_record(record) for record in records)


def encode_records(records: Iterable[CloneRecord]) -> bytes:
    """clone-records.json."""
    return go_json(list(records))


def decode_records(data: bytes) -> tuple[CloneRecord, ...]:
    """Raises `UsageError` for what is no list of records."""
    try:
        return msgspec.json.decode(data, type=tuple[CloneRecord, ...])
    except msgspec.MsgspecError as error:
        raise UsageError(f"the clone records cannot be read: {error}") from error
