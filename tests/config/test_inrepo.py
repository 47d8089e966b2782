"""Jobs that a repository keeps itself; their author may be anybody."""

import pytest

from prow.config.config import Config
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.inrepo import effective_jobs, is_in_repo_path, read_in_repo
from prow.config.load import assemble


def central(text: str = "") -> Config:
    return assemble(Document("config.yaml", text.encode()), [], Findings())


def job(name: str, more: str = "") -> str:
    return f"presubmits:\n- {{name: {name}, {more}spec: {{containers: [{{image: x}}]}}}}\n"


def refused(files: dict[str, str], config: Config | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read_in_repo(files, config or central(), org="o", repo="r")
    return str(caught.value)


def test_the_directory_goes_before_the_file() -> None:
    files = {".prow.yaml": job("file"), ".prow/b.yaml": job("b"), ".prow/a/z.yml": job("a"), ".prow/README.md": "x"}
    own = read_in_repo(files, central(), org="o", repo="r")
    assert [each.name for each in own.presubmits] == ["a", "b"]


def test_ignored_files_are_not_read() -> None:
    files = {".prow/a.yaml": job("a"), ".prow/b.yaml": "presubmits: 1", ".prowignore": "b.yaml\n"}
    assert len(read_in_repo(files, central(), org="o", repo="r").presubmits) == 1


def test_own_jobs_come_after_the_central_ones_and_share_their_defaults() -> None:
    config = central("pod_namespace: pods\npresubmits: {o/r: [{name: c, spec: {containers: [{image: x}]}}]}\n")
    own = read_in_repo({".prow.yaml": job("own")}, config, org="o", repo="r")
    result = effective_jobs(config, own, org="o", repo="r")
    assert [(each.name, each.namespace) for each in result.presubmits_for("o", "r")] == [("c", "pods"), ("own", "pods")]
    assert result.hash == config.hash
    assert len(config.presubmits_for("o", "r")) == 1


def test_a_central_job_cannot_be_replaced() -> None:
    config = central("presubmits: {o/r: [{name: c, spec: {containers: [{image: x}]}}]}\n")
    assert "twice for the same branches" in refused({".prow.yaml": job("c")}, config)


def test_a_cluster_must_be_allowed() -> None:
    assert refused({".prow.yaml": job("c", "cluster: trusted, ")}) == (
        ".prow.yaml:2:22: job 'c': the cluster 'trusted' is not allowed for o/r; allowed are: default"
    )
    config = central("in_repo_config: {allowed_clusters: {o: [trusted]}}\n")
    assert read_in_repo({".prow.yaml": job("c", "cluster: trusted, ")}, config, org="o", repo="r").presubmits
    assert refused({".prow.yaml": job("c", "cluster: trsuted, ")}, config).endswith("; did you mean 'trusted'?")


def test_prow_as_a_file_is_refused() -> None:
    assert "must be a directory" in refused({".prow": "x"})


def test_large_files_and_many_jobs_are_refused() -> None:
    assert "larger than" in refused({".prow.yaml": "#" * (1024 * 1024 + 1)})
    many = "presubmits:\n" + "".join(f"- {{name: j{n}}}\n" for n in range(2001))
    assert "jobs at most" in refused({".prow.yaml": many})


def test_the_narrowest_key_decides_whether_a_repo_may_have_its_own_config() -> None:
    config = central("in_repo_config: {enabled: {'*': true, o: false, o/r: null, o/s: true}}\n").in_repo_config
    assert [config.enabled_for(*each.split("/")) for each in ("x/y", "o/r", "o/s")] == [True, False, True]


def test_paths_that_touch_the_own_config() -> None:
    paths = (".prow.yaml", ".prow/a.yaml", ".prowx", "a/.prow.yaml")
    assert [is_in_repo_path(path) for path in paths] == [True, True, False, False]


def test_files_come_folder_by_folder() -> None:
    config = assemble(Document("config.yaml", b""), [], Findings())
    text = "presubmits: [{name: %s, spec: {containers: [{image: x}]}}]"
    files = {f".prow/{name}.yaml": text % name.replace("/", "-") for name in ("b", "a-b", "a/c", "a/b/x", "..c")}
    own = read_in_repo(files, config, org="o", repo="r")
    assert [job.name for job in own.presubmits] == ["..c", "a-b-x", "a-c", "a-b", "b"]
