"""What templates of a config may name: a ProwJob by Go's field names (`spec/config` §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import msgspec

from prow.lib.gotemplate import GoStruct, go_map, go_time
from prow.model.prowjob import ProwJob
from prow.model.refs import Refs

_WORDS = {
    "id": "ID",
    "url": "URL",
    "uri": "URI",
    "sha": "SHA",
    "uid": "UID",
    "gcs": "GCS",
    "api": "API",
    "github": "GitHub",
    "ssh": "SSH",
    "workdir": "WorkDir",
    "initupload": "InitUpload",
    "clonerefs": "CloneRefs",
    "oauth": "OauthToken",
    "slack": "Slack",
}
_NAMES = {
    "prowjob_defaults": "ProwJobDefault",
    "oauth_token_secret": "OauthTokenSecret",
    "resultstore_config": "ResultStoreConfig",
    "github_app_private_key_secret": "GitHubAppPrivateKeySecret",
}


def go_name(field: str) -> str:
    """`base_sha` is `BaseSHA` in Go."""
    return _NAMES.get(field) or "".join(_WORDS.get(word, word.capitalize()) for word in field.split("_"))


def prowjob_data(job: ProwJob) -> GoStruct:
    """The ProwJob as templates see it."""
    metadata = _fields(job.metadata)
    metadata["CreationTimestamp"] = go_time(job.metadata.creation_timestamp)
    status = _fields(job.status)
    status["StartTime"] = go_time(job.status.start_time)
    return GoStruct(
        {
            **metadata,
            "ObjectMeta": GoStruct(metadata),
            "Spec": go_value(job.spec),
            "Status": GoStruct(status),
            "Complete": job.status.complete,
            "ClusterAlias": job.spec.cluster or "default",
        }
    )


def go_value(value: object) -> object:
    """A value of the model as Go's templates would see it; nil is None."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Refs):
        return GoStruct({**_fields(value), "String": str(value), "OrgRepoString": value.full_name}, text=str(value))
    if isinstance(value, msgspec.Struct):
        return GoStruct(_fields(value))
    if isinstance(value, datetime):
        return go_time(value)
    if isinstance(value, (tuple, list)):
        return [go_value(each) for each in value]
    if isinstance(value, Mapping):
        texts = all(isinstance(each, str) for each in value.values())
        return go_map(value) if texts else {key: go_value(each) for key, each in value.items()}
    return value


def _fields(struct: msgspec.Struct) -> dict[str, object]:
    return {go_name(name): go_value(getattr(struct, name)) for name in struct.__struct_fields__}
