"""`prow crier`: tells GitHub and the bucket what became of each job, alone (`spec/prowjobs-and-pods` §7.1)."""

from __future__ import annotations

import click

from prow.cli import components, groups
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import open_parts, open_storage, side_ports
from prow.lib import flags, logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.flags import flag

_log = logs.get("crier")


class CrierFlags(flags.FlagGroup):
    github_workers: int = flag("github-workers", 0, "Reports to GitHub at the same time; 0: none.")
    blob_storage_workers: int = flag("blob-storage-workers", 0, "Uploads to the bucket at the same time; 0: none.")
    kubernetes_blob_storage_workers: int = flag(
        "kubernetes-blob-storage-workers", 0, "Accepted: without Kubernetes there are no pods to report on."
    )
    slack_workers: int = flag("slack-workers", 0, "Not supported yet.", hidden=True)
    pubsub_workers: int = flag("pubsub-workers", 0, "Not supported yet.", hidden=True)
    gerrit_workers: int = flag("gerrit-workers", 0, "Not supported.", hidden=True)
    resultstore_workers: int = flag("resultstore-workers", 0, "Not supported.", hidden=True)
    report_agent: str = flag("report-agent", "", "Tell GitHub only of jobs of this agent.")
    dry_run: bool = flag("dry-run", False, "Write nothing to GitHub, to the bucket, or to the job store.")
    kubernetes_report_fraction: float = flag("kubernetes-report-fraction", 1.0, "Accepted.", hidden=True)
    slack_token_file: str = flag("slack-token-file", "", "Accepted; see --slack-workers.", hidden=True)
    additional_slack_token_files: tuple[str, ...] = flag("additional-slack-token-files", (), "Accepted.", hidden=True)
    cookiefile: str = flag("cookiefile", "", "Accepted; for Gerrit.", hidden=True)
    gerrit_max_qps: float = flag("gerrit-max-qps", 0.0, "Accepted; for Gerrit.", hidden=True)
    gerrit_max_burst: int = flag("gerrit-max-burst", 0, "Accepted; for Gerrit.", hidden=True)
    resultstore_artifacts_dir_only: bool = flag("resultstore-artifacts-dir-only", False, "Accepted.", hidden=True)

    def workers(self) -> components.Workers:
        """`UsageError` for reporters that are not here, and when nothing would be reported."""
        for name, count, answer in (
            ("slack", self.slack_workers, "Slack comes with a later release"),
            ("pubsub", self.pubsub_workers, "Pub/Sub comes with a later release"),
            ("gerrit", self.gerrit_workers, "Gerrit is not part of this Prow"),
            ("resultstore", self.resultstore_workers, "ResultStore is not part of this Prow"),
        ):
            if count:
                raise UsageError(f"--{name}-workers: {answer}; leave the flag out")
        if self.github_workers + self.blob_storage_workers + self.kubernetes_blob_storage_workers < 1:
            raise UsageError("crier has nothing to do: give --github-workers, --blob-storage-workers, or both")
        return components.Workers(github=self.github_workers, blob_storage=self.blob_storage_workers)


@click.command(cls=flags.GoCommand)
@takes(
    groups.ConfigFlags,
    groups.GitHubFlags,
    groups.EnablementFlags,
    CrierFlags,
    groups.StorageFlags,
    groups.KubernetesFlags,
    groups.InstrumentationFlags,
    groups.StateFlags,
)
def command(**given: flags.FlagGroup) -> None:
    """Report each state of each job: commit statuses and one comment on GitHub, metadata in the bucket.

    Give --github-workers and --blob-storage-workers; without them nothing is reported. Jobs are read from --job-store.
    """
    start("crier", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options = given.of(CrierFlags)
    workers, enabled = options.workers(), given.enabled()
    async with (
        open_parts(given.config(), given.job_store(), clock=clock) as parts,
        side_ports(given.ports(), clock=clock, pages=parts.pages) as side,
    ):
        crier = components.crier(
            parts,
            await parts.github(given.github(), component="crier", dry_run=options.dry_run),
            open_storage(given.storage()),
            workers=workers,
            agent=options.report_agent,
            enabled=enabled,
            dry_run=options.dry_run,
        )
        async with parts.running({"crier": crier.run()}):
            await until_stopped(side, _log, dry_run=options.dry_run)
