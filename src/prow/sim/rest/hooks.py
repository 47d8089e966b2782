"""Webhooks of repositories and organisations, and what was delivered to them."""

from __future__ import annotations

from typing import Any

from prow.sim.apps import EVENTS
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, app_of, body, number
from prow.sim.state import Delivery, Hook, Org, Repo

_WHERE = (REPO, "/orgs/{org}")
_APP = "/app/hook"
_HOOK_EXISTS = "Hook already exists on this repository"
_MOST = 20
"""Hooks of one place for one event."""


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
        return found | {
            ("GET", f"{_APP}/config"): self.get_config,
            ("PATCH", f"{_APP}/config"): self.edit_config,
            ("GET", f"{_APP}/deliveries"): self.list_deliveries,
            ("GET", f"{_APP}/deliveries/{{delivery}}"): self.get_delivery,
            ("POST", f"{_APP}/deliveries/{{delivery}}/attempts"): self.redeliver,
        }

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

    def _placed(self, call: Call) -> tuple[Repo | Org, str, Hook]:
        where, path = self._place(call)
        found = next((hook for hook in where.hooks if hook.id == number(call, "hook")), None)
        if found is None:
            raise not_found()
        return where, path, found

    def _hook(self, call: Call) -> tuple[str, Hook]:
        """A repository's, an organisation's, or the app's own."""
        if not call.route[1].startswith(_APP):
            return self._placed(call)[1:]
        app = app_of(call)
        if app.hook is None:
            raise not_found()
        return "app", app.hook

    async def list_hooks(self, call: Call) -> Answer:
        where, path = self._place(call)
        return Answer(items=[self.world.json.hook(path, hook) for hook in where.hooks])

    async def create_hook(self, call: Call) -> Answer:
        """The same address for the same events once more is refused."""
        where, path = self._place(call)
        wanted = body(call)
        config, events = _config(wanted), _events(wanted)
        for hook in where.hooks:
            if hook.url == config["url"] and set(hook.events) == set(events):
                raise _custom(_HOOK_EXISTS)
        for event in events:
            if sum(event in hook.events for hook in where.hooks) >= _MOST:
                raise _custom(f'The "{event}" event cannot have more than {_MOST} hooks')
        hook = self.world.add_hook(where, url=config["url"], secret=str(config.get("secret") or ""), events=events)
        hook.active = wanted.get("active") is not False
        hook.form, hook.insecure = _form(config, default=True), str(config.get("insecure_ssl") or "0") == "1"
        return Answer(self.world.json.hook(path, hook), 201)

    async def get_hook(self, call: Call) -> Answer:
        path, hook = self._hook(call)
        return Answer(self.world.json.hook(path, hook))

    async def edit_hook(self, call: Call) -> Answer:
        """A configuration is replaced as a whole: without a secret in it there is none any more."""
        path, hook = self._hook(call)
        wanted = body(call)
        if wanted.get("config") is not None:
            config = _config(wanted)
            hook.url, hook.secret = str(config["url"]), str(config.get("secret") or "")
            hook.form, hook.insecure = _form(config, default=True), str(config.get("insecure_ssl") or "0") == "1"
        if wanted.get("events") is not None:
            hook.events = _events(wanted)
        hook.events += tuple(e for e in wanted.get("add_events") or () if e not in hook.events)
        hook.events = tuple(e for e in hook.events if e not in (wanted.get("remove_events") or ()))
        if wanted.get("active") is not None:
            hook.active = bool(wanted["active"])
        return Answer(self.world.json.hook(path, hook))

    async def delete_hook(self, call: Call) -> Answer:
        where, _, hook = self._placed(call)
        where.hooks.remove(hook)
        return Answer(status=204)

    async def get_config(self, call: Call) -> Answer:
        path, hook = self._hook(call)
        return Answer(self.world.json.hook(path, hook)["config"])

    async def edit_config(self, call: Call) -> Answer:
        """Only what is named changes."""
        path, hook = self._hook(call)
        wanted = body(call)
        hook.url = str(wanted.get("url") or hook.url)
        hook.secret = str(wanted.get("secret") or hook.secret)
        hook.form = _form(wanted, default=hook.form)
        hook.insecure = str(wanted.get("insecure_ssl", int(hook.insecure))) == "1"
        return Answer(self.world.json.hook(path, hook)["config"])

    async def ping(self, call: Call) -> Answer:
        where, _, hook = self._placed(call)
        self.world.ping(where, hook)
        return Answer(status=204)

    # Deliveries

    async def list_deliveries(self, call: Call) -> Answer:
        """The newest first; pages go by a cursor, not by number."""
        _, hook = self._hook(call)
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
        _, hook = self._hook(call)
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


def _form(config: dict[str, Any], *, default: bool) -> bool:
    """GitHub sends forms to whoever does not ask for JSON."""
    kind = config.get("content_type")
    if kind not in {None, "json", "form"}:
        raise unprocessable("Hook", "content_type", "invalid")
    return default if kind is None else kind == "form"


def _events(wanted: dict[str, Any]) -> tuple[str, ...]:
    events = wanted.get("events") or ["push"]
    if not isinstance(events, list):
        raise Refused(422, "Invalid request.\n\nFor 'properties/events', it is not an array.")
    if any(event not in {"*", *EVENTS} for event in events):
        raise unprocessable("Hook", "events", "invalid")
    return tuple(dict.fromkeys(str(event) for event in events))


def _custom(message: str) -> Refused:
    return Refused(422, "Validation Failed", [{"resource": "Hook", "code": "custom", "message": message}])
