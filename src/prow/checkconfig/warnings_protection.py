"""Branch protection: settings that tide would wait for in vain, and settings that nobody reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prow.checkconfig.model import Known, Problem, in_config
from prow.checkconfig.repo_sets import RepoSet, merged_by
from prow.config.branch_policy import merged
from prow.config.branch_protection import BranchProtection, OrgProtection, Policy, RepoProtection
from prow.lib.goyaml import Path

_TOP = ("branch-protection",)
_STRICT = ("required_status_checks", "strict")
_WHY = "tide would have to bring every pull request up to date before each merge"


def tide_strict_branch(known: Known) -> Iterator[Problem]:
    """A strict branch makes its whole repository strict here, and a query for one branch is taken for all."""
    config = known.config
    protection = config.branch_protection
    if not config.tide.queries:
        return
    if _is_strict(protection):
        yield Problem(f"strict for everything, and tide merges: {_WHY}", in_config(*_TOP, *_STRICT))
        return
    places: dict[str, Path] = {}
    strict = RepoSet()
    for org, of_org in protection.orgs.items():
        above = merged(merged(Policy(), protection), of_org)
        loose: list[str] = []
        for repo, of_repo in of_org.repos.items():
            where = (*_TOP, "orgs", org, "repos", repo)
            policy = merged(above, of_repo)
            place: Path | None = (*where, *_STRICT) if _is_strict(policy) else None
            for branch, own in of_repo.branches.items():
                below = merged(policy, own)
                if below.protect is None and not below.unmanaged:
                    yield Problem(
                        f"{org}/{repo}, branch {branch}: the policy must set protect or unmanaged: true",
                        in_config(*where, "branches", branch),
                    )
                elif place is None and _is_strict(below):
                    place = (*where, "branches", branch, *_STRICT)
            if place is None:
                loose.append(f"{org}/{repo}")
            else:
                places[f"{org}/{repo}"] = place
                strict |= RepoSet.of(repos=[f"{org}/{repo}"])
        if _is_strict(above):
            places[org] = (*_TOP, "orgs", org, *_STRICT)
            strict |= RepoSet.of(orgs=[org], without=loose)
    for item in merged_by(config.tide.queries) & strict:
        path = places.get(item.key) or places.get(item.key.partition("/")[0], _TOP)
        yield Problem(f"{item} has strict protection, and tide merges there: {_WHY}", in_config(*path))


def _is_strict(policy: Policy) -> bool:
    checks = policy.required_status_checks
    return policy.protect is True and checks is not None and checks.strict is True


def unmanaged_subconfig(known: Known) -> Iterator[Problem]:
    """What is left alone needs no settings; below it something may be managed again, by saying `unmanaged: false`."""
    protection = known.config.branch_protection
    if protection.unmanaged:
        yield from _globally(protection)
    for org, of_org in protection.orgs.items():
        where: Path = (*_TOP, "orgs", org)
        if of_org.unmanaged:
            yield from _of_org(org, of_org, where)
        for repo, of_repo in of_org.repos.items():
            yield from _of_repo(f"{org}/{repo}", of_repo, (*where, "repos", repo))


def _globally(protection: BranchProtection) -> Iterator[Problem]:
    if _has_settings(protection) and not any(_managed_org(org) for org in protection.orgs.values()):
        yield Problem("unmanaged for everything, so its other settings have no effect", in_config(*_TOP))
    for org, of_org in protection.orgs.items():
        if not _managed_org(of_org):
            yield Problem(
                f"everything is unmanaged, so the settings of {org} have no effect; say unmanaged: false there",
                in_config(*_TOP, "orgs", org),
            )


def _of_org(org: str, of_org: OrgProtection, where: Path) -> Iterator[Problem]:
    if _has_settings(of_org) and not any(_managed_repo(repo) for repo in of_org.repos.values()):
        yield Problem(f"{org} is unmanaged, so its other settings have no effect", in_config(*where))
    for repo, of_repo in of_org.repos.items():
        if not _managed_repo(of_repo):
            yield Problem(
                f"{org} is unmanaged, so the settings of {org}/{repo} have no effect; say unmanaged: false there",
                in_config(*where, "repos", repo),
            )


def _of_repo(name: str, of_repo: RepoProtection, where: Path) -> Iterator[Problem]:
    managed = any(branch.unmanaged is False for branch in of_repo.branches.values())
    if of_repo.unmanaged and _has_settings(of_repo) and not managed:
        yield Problem(f"{name} is unmanaged, so its other settings have no effect", in_config(*where))
    for branch, own in of_repo.branches.items():
        place = in_config(*where, "branches", branch)
        if own.unmanaged and _has_settings(own):
            yield Problem(f"{name}, branch {branch}: unmanaged, so its other settings have no effect", place)
        elif of_repo.unmanaged and own.unmanaged is not False:
            yield Problem(
                f"{name} is unmanaged, so the settings of the branch {branch} have no effect; "
                "say unmanaged: false there",
                place,
            )


def _managed_org(org: OrgProtection) -> bool:
    return org.unmanaged is False or any(_managed_repo(repo) for repo in org.repos.values())


def _managed_repo(repo: RepoProtection) -> bool:
    return repo.unmanaged is False or any(branch.unmanaged is False for branch in repo.branches.values())


def _has_settings(policy: Policy) -> bool:
    nothing = Policy()
    return any(
        getattr(policy, name) != getattr(nothing, name) for name in Policy.__struct_fields__ if name != "unmanaged"
    )
