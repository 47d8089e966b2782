"""Webhooks of repositories and organisations, and what was delivered to them."""

from __future__ import annotations

from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, number
from prow.sim.state import Delivery, Hook, Org, Repo

_WHERE = (REPO, "/orgs/{org}")
_HOOK_EXISTS = "Hook already exists on this repository"


class Hooks(Area):
    def table(self) -> Table:
        found: Table = {}
        for place in _WHERE:
            hook = f"{place}/hooks/{{hook}}"
            delivery = f"{hook}/deliveries/{{delivery}}"
            found |= {
                ("GET", f"{place}/hooks"): self.list_hooks,
                ("POST", f"{place}/hooks"): self.create_hook,
                ("GET", hook): self.get_hook,
                ("PATCH", hook): self.edit_hook,
                ("DELETE", hook): self.delete_hook,
                ("GET", f"{hook}/config"): self.get_config,
                ("PATCH", f"{hook}/config"): self.edit_config,
                ("POST", f"{hook}/pings"): self.ping,
                ("GET", f"{hook}/deliveries"): self.list_deliveries,
                ("GET", delivery): self.get_delivery,
                ("POST", f"{delivery}/attempts"): self.redeliver,
            }
        return found

    def _place(self, call: Call) -> tuple[Repo | Org, str]:
        """Who may not administrate a repository is not told of its hooks."""
        if "org" in call.path:
            return self.org(call, "admin"), f"orgs/{call.path['org']}"
        try:
            repo = self.repo(call, "admin")
        except Refused as refused:
            if call.who.installation is None and refused.status == 403 and call.login is not None:
                raise not_found() from None
            raise
        return repo, f"repos/{call.path['owner']}/{call.path['repo']}"

    def _hook(self, call: Call) -> tuple[Repo | Org, str, Hook]:
        where, path = self._place(call)
        found = next((hook for hook in where.hooks if hook.id == number(call, "hook")), None)
        if found is None:
            raise not_found()
        return where, path, found

    async def list_hooks(self, call: Call) -> Answer:
        where, path = self._place(call)
        return Answer(items=[self.world.json.hook(path, hook) for hook in where.hooks])

    async def create_hook(self, call: Call) -> Answer:
        """The same address for the same events once more is refused."""
        where, path = self._place(call)
        wanted = body(call)
        config, events = _config(wanted), tuple(wanted.get("events") or ("push",))
        for hook in where.hooks:
            if hook.url == config["url"] and set(hook.events) == set(events):
                raise Refused(422, "Validation Failed", [{"resource": "Hook", "code": "custom", "message": _HOOK_EXISTS}])  # fmt: skip
        hook = self.world.add_hook(where, url=config["url"], secret=str(config.get("secret") or ""), events=events)
        hook.active = wanted.get("active") is not False
        return Answer(self.world.json.hook(path, hook), 201)

    async def get_hook(self, call: Call) -> Answer:
        _, path, hook = self._hook(call)
        return Answer(self.world.json.hook(path, hook))

    async def edit_hook(self, call: Call) -> Answer:
        """A configuration is replaced as a whole: without a secret in it there is none any more."""
        _, path, hook = self._hook(call)
        wanted = body(call)
        if wanted.get("config") is not None:
            config = _config(wanted)
            hook.url, hook.secret = str(config["url"]), str(config.get("secret") or "")
        if wanted.get("events") is not None:
            hook.events = tuple(wanted["events"])
        hook.events += tuple(e for e in wanted.get("add_events") or () if e not in hook.events)
        hook.events = tuple(e for e in hook.events if e not in (wanted.get("remove_events") or ()))
        if wanted.get("active") is not None:
            hook.active = bool(wanted["active"])
        return Answer(self.world.json.hook(path, hook))

    async def delete_hook(self, call: Call) -> Answer:
        where, _, hook = self._hook(call)
        where.hooks.remove(hook)
        return Answer(status=204)

    async def get_config(self, call: Call) -> Answer:
        _, path, hook = self._hook(call)
        return Answer(self.world.json.hook(path, hook)["config"])

    async def edit_config(self, call: Call) -> Answer:
        """Only what is named changes."""
        _, path, hook = self._hook(call)
        wanted = body(call)
        hook.url = str(wanted.get("url") or hook.url)
        hook.secret = str(wanted.get("secret") or hook.secret)
        return Answer(self.world.json.hook(path, hook)["config"])

    async def ping(self, call: Call) -> Answer:
        where, _, hook = self._hook(call)
        self.world.ping(where, hook)
        return Answer(status=204)

    # Deliveries

    async def list_deliveries(self, call: Call) -> Answer:
        """The newest first; pages go by a cursor, not by number."""
        _, _, hook = self._hook(call)
        newest = sorted(hook.deliveries, key=lambda delivery: -delivery.id)
        cursor = call.query.get("cursor", "")
        if cursor.isdecimal():
            newest = [delivery for delivery in newest if delivery.id <= int(cursor)]
        size = int(call.query.get("per_page") or 30) if str(call.query.get("per_page") or 30).isdecimal() else 30
        size = min(max(size, 1), 100)
        page, rest = newest[:size], newest[size:]
        headers = {}
        if rest:
            place = call.route[1].format(**call.path)
            link = f"{self.world.base}{place}?per_page={size}&cursor={rest[0].id}"
            headers["link"] = f'<{link}>; rel="next"'
        return Answer([self.world.json.delivery(delivery) for delivery in page], headers=headers)

    def _delivery(self, call: Call) -> tuple[Hook, Delivery]:
        _, _, hook = self._hook(call)
        found = next((d for d in hook.deliveries if d.id == number(call, "delivery")), None)
        if found is None:
            raise not_found()
        return hook, found

    async def get_delivery(self, call: Call) -> Answer:
        hook, delivery = self._delivery(call)
        return Answer(self.world.json.full_delivery(hook, delivery))

    async def redeliver(self, call: Call) -> Answer:
        hook, delivery = self._delivery(call)
        self.world.hooks.redeliver(hook, delivery)
        return Answer({}, 202)


def _config(wanted: dict[str, Any]) -> dict[str, Any]:
    config = wanted.get("config") or {}
    if not str(config.get("url") or "").startswith(("http://", "https://")):
        raise unprocessable("Hook", "url", "invalid")
    return dict(config)
