"""Why a pull request is not in the pool, and why a pool does what it does: typed, texts in our own words (`spec/tide` §2.3, §3.1, §5.3)."""

from __future__ import annotations

from collections.abc import Iterable

from prow.model.decision import Reason
from prow.model.pull_facts import HeadContext

_SHOWN = 50
"""Characters that a list of names may take in a status."""


def cut_list(names: Iterable[str], *, room: int = _SHOWN) -> tuple[str, ...]:
    """The first names in alphabetical order that fit with their separators, one at least."""
    shown: list[str] = []
    length = 0
    for name in sorted(names):
        if shown and length + len(name) > room:
            break
        shown.append(name)
        length += len(name) + len(", ")
    return tuple(shown)


class Difference(Reason, frozen=True):
    """What separates a pull request from a query. `weight`: as upstream weighs it."""

    @property
    def weight(self) -> int:
        return 1


class WrongBranch(Difference, frozen=True):
    branch: str

    @property
    def weight(self) -> int:
        return 2000

    def __str__(self) -> str:
        return f"Nothing is merged into branch {self.branch}."


class WrongAuthor(Difference, frozen=True):
    author: str

    @property
    def weight(self) -> int:
        return 1000

    def __str__(self) -> str:
        return f"Must be by author {self.author}."


class WrongMilestone(Difference, frozen=True):
    milestone: str

    @property
    def weight(self) -> int:
        return 100

    def __str__(self) -> str:
        return f"Must be in milestone {self.milestone}."


class LabelsMissing(Difference, frozen=True):
    """Items as in the query: alternatives are separated by commas."""

    labels: tuple[str, ...]

    @property
    def weight(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        shown = cut_list(label.replace(",", " or ") for label in self.labels)
        return f"Needs {', '.join(shown)} label{'s' if len(shown) > 1 else ''}."


class LabelsForbidden(Difference, frozen=True):
    labels: tuple[str, ...]

    @property
    def weight(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        shown = cut_list(self.labels)
        return f"Should not have {', '.join(shown)} label{'s' if len(shown) > 1 else ''}."


class ContextsUnsuccessful(Difference, frozen=True):
    """`count`: a required context that is missing counts twice."""

    contexts: tuple[str, ...]
    count: int

    @property
    def weight(self) -> int:
        return self.count

    def __str__(self) -> str:
        shown = cut_list(self.contexts)
        if len(shown) > 1:
            return f"Jobs {', '.join(shown)} have not succeeded."
        return f"Job {shown[0]} has not succeeded."


class ReviewMissing(Difference, frozen=True):
    """The query wants an approving review."""

    @property
    def weight(self) -> int:
        return 50

    def __str__(self) -> str:
        return "Needs approving reviews on GitHub."


class GitHubBlocks(Difference, frozen=True):
    @property
    def weight(self) -> int:
        return 100

    def __str__(self) -> str:
        return "GitHub's rules for the branch block it."


class Conflict(Reason, frozen=True):
    base: str

    def __str__(self) -> str:
        return f"It conflicts with {self.base}."


class Draft(Reason, frozen=True):
    def __str__(self) -> str:
        return "It is a draft."


class MethodLabelsContradict(Reason, frozen=True):
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return f"Labels ask for several merge methods: {', '.join(self.labels)}."


class NotRebasable(Reason, frozen=True):
    def __str__(self) -> str:
        return "GitHub cannot rebase its commits."


class MethodNotAllowed(Reason, frozen=True):
    method: str

    def __str__(self) -> str:
        return f'The repository does not allow the merge method "{self.method}".'


class SettingsUnknown(Reason, frozen=True):
    def __str__(self) -> str:
        return "The merge settings of the repository could not be read yet."


class RequirementsUnknown(Reason, frozen=True):
    text: str

    def __str__(self) -> str:
        return f"What it needs cannot be told: {self.text}."


class NoQueryMatches(Reason, frozen=True):
    """The conditions of no query are met; the gaps have the details."""

    def __str__(self) -> str:
        return "It does not have what a merge needs."


class NoQueryCovers(Reason, frozen=True):
    """The repository is none of tide's."""

    repo: str

    def __str__(self) -> str:
        return f"No query of tide covers {self.repo}."


class ReviewsOutstanding(Reason, frozen=True):
    decision: str

    def __str__(self) -> str:
        if self.decision == "CHANGES_REQUESTED":
            return "A reviewer requested changes."
        return "GitHub asks for more approving reviews."


class ContextFailed(Reason, frozen=True):
    """A context that it must have is not good and not a test that tide waits for."""

    context: HeadContext

    def __str__(self) -> str:
        what = {"PENDING": "is pending", "EXPECTED": "was not reported"}.get(self.context.state.value, "failed")
        return f"{self.context.name} {what}."


class Blocked(Reason, frozen=True):
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"Merging is blocked by issue{'s' if len(self.numbers) > 1 else ''} {', '.join(map(str, self.numbers))}."


class EmptyPool(Reason, frozen=True):
    def __str__(self) -> str:
        return "No pull request is ready."


class Green(Reason, frozen=True):
    """Its tests passed on the newest base and everything else is as it has to be."""

    number: int

    def __str__(self) -> str:
        return f"#{self.number} is green on the newest base."


class BatchGreen(Reason, frozen=True):
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{', '.join(f'#{number}' for number in self.numbers)} passed together."


class TestsMissing(Reason, frozen=True):
    """It was never tested on the newest base, or failed there once."""

    __test__ = False  # no test of ours

    number: int
    contexts: tuple[str, ...]

    def __str__(self) -> str:
        return f"#{self.number} has no result on the newest base for {', '.join(self.contexts)}."


class BatchTogether(Reason, frozen=True):
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{', '.join(f'#{number}' for number in self.numbers)} are tested together."


class TestsRunning(Reason, frozen=True):
    __test__ = False

    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"Tests run for {', '.join(f'#{number}' for number in self.numbers)}."


class BatchRunning(Reason, frozen=True):
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{', '.join(f'#{number}' for number in self.numbers)} are being tested together."


class WaitsForContexts(Reason, frozen=True):
    """Its tests passed, but GitHub does not show all contexts as good yet."""

    number: int
    contexts: tuple[str, ...]

    def __str__(self) -> str:
        return f"#{self.number} passed; GitHub does not show {', '.join(self.contexts)} as passed yet."


class WasRefused(Reason, frozen=True):
    number: int
    message: str

    def __str__(self) -> str:
        return f"GitHub refused to merge #{self.number}: {self.message}"


class NotYetAgain(Reason, frozen=True):
    """Its tests failed a moment ago on these very commits."""

    number: int

    def __str__(self) -> str:
        return f"#{self.number} failed here before and is tried again later."


class NotRetestable(Reason, frozen=True):
    """A context is pending that tide did not start: its result is waited for."""

    number: int
    contexts: tuple[str, ...]

    def __str__(self) -> str:
        return f"#{self.number} waits for {', '.join(self.contexts)}."


class NothingToTest(Reason, frozen=True):
    def __str__(self) -> str:
        return "No pull request needs a test."
