"""The rules of protected branches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from prow.sim.errors import Refused, unprocessable
from prow.sim.payloads import Json
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login
from prow.sim.rest.refs import branch_of
from prow.sim.state import Protection, Repo

_PLACE = f"{REPO}/branches/{{branch:path}}/protection"
_NEEDED = ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions")
_ANY_APP = -1
_PEOPLE = {"users": "pushers", "teams": "push_teams", "apps": "push_apps"}
"""Who may push, as REST and as the rules call them."""


class Protections(Area):
    def table(self) -> Table:
        checks, reviews = f"{_PLACE}/required_status_checks", f"{_PLACE}/required_pull_request_reviews"
        parts: Table = {}
        for place, handler in [(f"{checks}/contexts", self.edit_contexts)] + [
            (f"{_PLACE}/restrictions/{kind}", self.edit_people) for kind in _PEOPLE
        ]:
            parts |= {(method, place): handler for method in ("POST", "PUT", "DELETE")}
        parts |= {("GET", f"{_PLACE}/restrictions/{kind}"): self.list_people for kind in _PEOPLE}
        return parts | {
            ("GET", f"{_PLACE}/enforce_admins"): self.get_admins,
            ("POST", f"{_PLACE}/enforce_admins"): self.enforce_admins,
            ("DELETE", f"{_PLACE}/enforce_admins"): self.spare_admins,
            ("GET", f"{_PLACE}/required_signatures"): self.get_signatures,
            ("POST", f"{_PLACE}/required_signatures"): self.require_signatures,
            ("DELETE", f"{_PLACE}/required_signatures"): self.drop_signatures,
            ("GET", f"{checks}/contexts"): self.list_contexts,
            ("GET", checks): self.get_checks,
            ("PATCH", checks): self.edit_checks,
            ("DELETE", checks): self.drop_checks,
            ("GET", reviews): self.get_reviews,
            ("PATCH", reviews): self.edit_reviews,
            ("DELETE", reviews): self.drop_reviews,
            ("GET", f"{_PLACE}/restrictions"): self.get_restrictions,
            ("DELETE", f"{_PLACE}/restrictions"): self.drop_restrictions,
            ("GET", _PLACE): self.get_protection,
            ("PUT", _PLACE): self.protect,
            ("DELETE", _PLACE): self.unprotect,
        }

    async def _rules(self, call: Call) -> tuple[Repo, str, Protection]:
        repo, branch, _ = await branch_of(self, call, "admin")
        rules = repo.protections.get(branch)
        if rules is None:
            raise Refused(404, "Branch not protected")
        return repo, branch, rules

    def _json(self, repo: Repo, branch: str, rules: Protection) -> Json:
        return self.world.protection_json(repo, branch, rules)

    async def _part(self, call: Call, key: str) -> Json:
        found = self._json(*await self._rules(call)).get(key)
        if found is None:
            raise Refused(404, "Required status checks not enabled" if "checks" in key else "Not Found")
        return dict(found)

    async def _change(self, call: Call, **changes: Any) -> None:
        repo, branch, rules = await self._rules(call)
        await self.world.set_protection(repo, login(call), branch, replace(rules, **changes))

    async def get_protection(self, call: Call) -> Answer:
        return Answer(self._json(*await self._rules(call)))

    async def protect(self, call: Call) -> Answer:
        repo, branch, _ = await branch_of(self, call, "admin")
        rules = self._wanted(repo, body(call), repo.protections.get(branch))
        await self.world.set_protection(repo, login(call), branch, rules)
        return Answer(self._json(repo, branch, rules))

    async def unprotect(self, call: Call) -> Answer:
        repo, branch, _ = await self._rules(call)
        await self.world.set_protection(repo, login(call), branch, None)
        return Answer(status=204)

    # Administrators and signatures

    async def get_admins(self, call: Call) -> Answer:
        return Answer(await self._part(call, "enforce_admins"))

    async def enforce_admins(self, call: Call) -> Answer:
        await self._change(call, enforce_admins=True)
        return await self.get_admins(call)

    async def spare_admins(self, call: Call) -> Answer:
        await self._change(call, enforce_admins=False)
        return Answer(status=204)

    async def get_signatures(self, call: Call) -> Answer:
        return Answer(await self._part(call, "required_signatures"))

    async def require_signatures(self, call: Call) -> Answer:
        await self._change(call, signatures=True)
        return await self.get_signatures(call)

    async def drop_signatures(self, call: Call) -> Answer:
        await self._change(call, signatures=False)
        return Answer(status=204)

    # Its parts

    async def get_checks(self, call: Call) -> Answer:
        return Answer(await self._part(call, "required_status_checks"))

    async def list_contexts(self, call: Call) -> Answer:
        return Answer(items=list((await self._part(call, "required_status_checks"))["contexts"]))

    @staticmethod
    def _edited(call: Call, key: str, before: Iterable[str]) -> list[str]:
        """POST adds, PUT replaces, DELETE takes away; a list alone is as good as an object with it."""
        told = call.body.get(key) if isinstance(call.body, dict) else call.body
        if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
            raise Refused(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
        match call.route[0]:
            case "POST":
                return list(dict.fromkeys((*before, *told)))
            case "PUT":
                return list(dict.fromkeys(told))
            case _:
                return [one for one in before if one not in told]

    async def edit_contexts(self, call: Call) -> Answer:
        await self._part(call, "required_status_checks")
        _, _, rules = await self._rules(call)
        contexts = tuple(self._edited(call, "contexts", rules.contexts or ()))
        apps = {context: app for context, app in rules.apps.items() if context in contexts}
        await self._change(call, contexts=contexts, apps=apps)
        return await self.list_contexts(call)

    async def edit_people(self, call: Call) -> Answer:
        await self._part(call, "restrictions")
        repo, _, rules = await self._rules(call)
        kind = call.route[1].rpartition("/")[2]
        names = {name.lower() for name in self._edited(call, kind, sorted(getattr(rules, _PEOPLE[kind]) or ()))}
        try:
            self._check_people(repo, {kind: names})
        except Refused as refused:
            raise unprocessable("ProtectedBranch", kind, "custom", str((refused.errors or [""])[0])) from refused
        await self._change(call, **{_PEOPLE[kind]: frozenset(names)})
        return await self.list_people(call)

    async def list_people(self, call: Call) -> Answer:
        found = (await self._part(call, "restrictions"))[call.route[1].rpartition("/")[2]]
        return Answer(items=found)

    async def edit_checks(self, call: Call) -> Answer:
        _, _, rules = await self._rules(call)
        wanted = body(call)
        contexts, apps = _contexts(wanted)
        changes: dict[str, Any] = {"strict": bool(wanted.get("strict", rules.strict))}
        if "contexts" in wanted or "checks" in wanted or rules.contexts is None:
            changes |= {"contexts": contexts, "apps": apps}
        await self._change(call, **changes)
        return await self.get_checks(call)

    async def drop_checks(self, call: Call) -> Answer:
        await self._change(call, contexts=None, strict=False, apps={})
        return Answer(status=204)

    async def get_reviews(self, call: Call) -> Answer:
        return Answer(await self._part(call, "required_pull_request_reviews"))

    async def edit_reviews(self, call: Call) -> Answer:
        _, _, rules = await self._rules(call)
        await self._change(call, **_reviews(body(call), rules))
        return await self.get_reviews(call)

    async def drop_reviews(self, call: Call) -> Answer:
        gone: dict[str, Any] = dict.fromkeys(
            ("bypassers", "bypass_teams", "bypass_apps", "dismiss_teams", "dismiss_apps"), frozenset()
        )
        plain: dict[str, Any] = {
            "reviews": None,
            "dismissers": None,
            "dismiss_stale": False,
            "code_owners": False,
            "last_push": False,
        }
        await self._change(call, **plain, **gone)
        return Answer(status=204)

    async def get_restrictions(self, call: Call) -> Answer:
        return Answer(await self._part(call, "restrictions"))

    async def drop_restrictions(self, call: Call) -> Answer:
        await self._change(call, pushers=None, push_teams=frozenset(), push_apps=frozenset())
        return Answer(status=204)

    def _wanted(self, repo: Repo, wanted: Mapping[str, Any], before: Protection | None) -> Protection:
        """GitHub wants all four keys; null means that there is no such rule. Signatures have an address of their own and stay."""
        missing = [f'"{key}" wasn\'t supplied.' for key in _NEEDED if key not in wanted]
        if missing:
            raise Refused(422, "Invalid request.\n\n" + "\n".join(missing))
        checks, reviews, restrictions = (wanted[_NEEDED[i]] for i in (0, 2, 3))
        found = Protection(enforce_admins=bool(wanted["enforce_admins"]), signatures=bool(before and before.signatures))
        if checks is not None:
            contexts, apps = _contexts(checks)
            found = replace(found, contexts=contexts, apps=apps, strict=bool(checks.get("strict")))
        if reviews is not None:
            found = replace(found, **_reviews(reviews, Protection(reviews=1)))
        if restrictions is not None:
            self._check_people(repo, restrictions)
            found = replace(
                found,
                pushers=_names(restrictions, "users"),
                push_teams=_names(restrictions, "teams"),
                push_apps=_names(restrictions, "apps"),
            )
        return replace(
            found,
            linear=bool(wanted.get("required_linear_history")),
            force_pushes=bool(wanted.get("allow_force_pushes")),
            deletions=bool(wanted.get("allow_deletions")),
            block_creations=bool(wanted.get("block_creations")),
            conversations=bool(wanted.get("required_conversation_resolution")),
            locked=bool(wanted.get("lock_branch")),
        )

    def _check_people(self, repo: Repo, restrictions: Mapping[str, Any]) -> None:
        """Only an organisation's repository can be restricted, and only to those who are there."""
        org = self.world.orgs.get(repo.owner.lower())
        if org is None:
            raise Refused(
                422, "Validation Failed", ["Only organization repositories can have users and team restrictions"]
            )
        unknown = [n for n in _names(restrictions, "teams") if n not in org.teams]
        unknown += [n for n in _names(restrictions, "apps") if n not in self.world.apps]
        if unknown:
            raise Refused(422, "Validation Failed", [f"{', '.join(sorted(unknown))} do not exist in this organization"])


def _names(wanted: Mapping[str, Any], key: str) -> frozenset[str]:
    return frozenset(str(name).lower() for name in wanted.get(key) or ())


def _contexts(wanted: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Names, in order and once each; and the apps that alone may report some of them."""
    checks = [one for one in wanted.get("checks") or () if isinstance(one, dict)]
    names = [str(name) for name in wanted.get("contexts") or ()] + [str(one.get("context")) for one in checks]
    apps = {str(one["context"]): int(one["app_id"]) for one in checks if one.get("app_id") not in {None, _ANY_APP}}
    return tuple(dict.fromkeys(names)), apps


def _reviews(wanted: Mapping[str, Any], before: Protection) -> dict[str, Any]:
    count = wanted.get("required_approving_review_count", before.reviews if before.reviews is not None else 1)
    if not 0 <= int(count) <= 6:
        raise unprocessable("ProtectedBranch", "required_approving_review_count", "invalid")
    found: dict[str, Any] = {
        "reviews": int(count),
        "dismiss_stale": bool(wanted.get("dismiss_stale_reviews", before.dismiss_stale)),
        "code_owners": bool(wanted.get("require_code_owner_reviews", before.code_owners)),
        "last_push": bool(wanted.get("require_last_push_approval", before.last_push)),
    }
    people = wanted.get("dismissal_restrictions")
    if people is not None:
        found["dismissers"] = _names(people, "users") if people else None
        found["dismiss_teams"] = _names(people, "teams")
        found["dismiss_apps"] = _names(people, "apps")
    bypass = wanted.get("bypass_pull_request_allowances")
    if bypass is not None:
        for kind, name in {"users": "bypassers", "teams": "bypass_teams", "apps": "bypass_apps"}.items():
            found[name] = _names(bypass, kind)
    return found
