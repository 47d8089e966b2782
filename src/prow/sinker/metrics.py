"""Upstream's names (`spec/prowjobs-and-pods` §9). Each is of the latest pass; runs on this machine count as pods."""

from __future__ import annotations

from prometheus_client import Gauge

PODS_EXISTING = Gauge("sinker_pods_existing", "Runs that the latest pass found.")
LOOP_DURATION = Gauge("sinker_loop_duration_seconds", "How long the latest pass took.")
PODS_REMOVED = Gauge("sinker_pods_removed", "Runs that the latest pass removed.", ["reason"])
POD_REMOVAL_ERRORS = Gauge("sinker_pod_removal_errors", "Runs that the latest pass could not remove.", ["reason"])
JOBS_EXISTING = Gauge("sinker_prow_jobs_existing", "ProwJobs that the latest pass found.")
JOBS_CLEANED = Gauge("sinker_prow_jobs_cleaned", "ProwJobs that the latest pass deleted.", ["reason"])
JOBS_CLEANING_ERRORS = Gauge(
    "sinker_prow_jobs_cleaning_errors", "ProwJobs that the latest pass could not delete.", ["reason"]
)
CONFIGMAP_SIZE = Gauge("job_configmap_size", "Bytes of each ConfigMap mounted below --job-config-path.", ["name"])
