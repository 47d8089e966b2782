"""How a pull request is merged: the method, and the text of the commit (`spec/tide` §4.1, §4.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prow.config.tide import Tide
from prow.lib.gotemplate import GoStruct, Template, TemplateError, go_time
from prow.model.pull_facts import PullFacts
from prow.tide.model import PoolRules


def method_of(rules: PoolRules, labels: Iterable[str]) -> str | None:
    """`merge`, `squash` or `rebase`; None when labels ask for several."""
    asked = method_labels(rules.method_labels, labels)
    if len(asked) > 1:
        return None
    return rules.method_labels[asked[0]] if asked else rules.method


def method_labels(known: Mapping[str, str], labels: Iterable[str]) -> tuple[str, ...]:
    """The labels that name a method; unlike all others they are compared letter by letter."""
    return tuple(sorted({label for label in labels if label in known}))


def commit_text(tide: Tide, pull: PullFacts) -> tuple[str, str]:
    """Title and body of the commit; an empty one is left to GitHub, as is one whose template fails."""
    templates = tide.merge_commit_template
    template = templates.get(f"{pull.org}/{pull.repo}") or templates.get(pull.org)
    if template is None:
        return "", ""
    data = _data(pull)
    return _rendered(template.title, data), _rendered(template.body, data)


def _rendered(text: str, data: GoStruct) -> str:
    if not text:
        return ""
    try:
        return Template.parse(text).render(data)
    except TemplateError:
        return ""


def _data(pull: PullFacts) -> GoStruct:
    """The record that templates see, by Go's names: the neutral one, and GitHub's below `.GitHub`."""
    own = {
        "Number": pull.number,
        "Title": pull.title,
        "Body": pull.body,
        "HeadRefName": pull.head_ref,
        "HeadRefOID": pull.head_sha,
        "Mergeable": pull.mergeable.value,
    }
    base = GoStruct({"Name": pull.base_ref, "Prefix": "refs/heads/"})
    labels = [GoStruct({"Name": name}) for name in pull.labels]
    github = GoStruct(
        {
            **own,
            "Author": GoStruct({"Login": pull.author}),
            "BaseRef": base,
            "CanBeRebased": pull.can_be_rebased,
            "Labels": GoStruct({"Nodes": labels}),
            "MergeStateStatus": pull.merge_state,
            "Milestone": GoStruct({"Title": pull.milestone}) if pull.milestone else None,
            "Repository": GoStruct(
                {
                    "Name": pull.repo,
                    "NameWithOwner": f"{pull.org}/{pull.repo}",
                    "Owner": GoStruct({"Login": pull.org}),
                }
            ),
            "ReviewDecision": pull.review_decision,
            "UpdatedAt": go_time(pull.updated_at),
        }
    )
    return GoStruct(
        {
            **own,
            "Org": pull.org,
            "Repo": pull.repo,
            "NameWithOwner": f"{pull.org}/{pull.repo}",
            "AuthorLogin": pull.author,
            "BaseRefName": pull.base_ref,
            "BaseRefPrefix": "refs/heads/",
            "UpdatedAtTime": go_time(pull.updated_at),
            "GitHub": github,
        }
    )
