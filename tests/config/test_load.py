"""What an operator sees: where an error is, what is only a warning, which files are read."""

import gzip
from pathlib import Path

import pytest

from prow.config.config import Config
from prow.config.errors import ConfigError, ConfigErrors
from prow.config.load import load

DECORATION = """\
plank:
  default_decoration_configs:
    "*":
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
      gcs_configuration: {bucket: s3://b, path_strategy: explicit}
"""
JOB = """\
presubmits:
  o/r:
  - name: unit
    always_run: true
    spec:
      containers:
      - image: x
"""


def loaded(folder: Path, config: str = "", *, strict: bool = False, **jobs: str) -> Config:
    (folder / "config.yaml").write_text(config)
    for name, text in jobs.items():
        file = folder / "jobs" / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return load(folder / "config.yaml", folder / "jobs" if jobs else "", strict=strict)


def problems(folder: Path, config: str = "", *, strict: bool = False, **jobs: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, config, strict=strict, **jobs)
    return str(caught.value).replace(f"{folder}/", "").split("\n")


def test_several_errors_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    assert problems(
        tmp_path,
        "plank:\n  max_goroutines: many\n",
        a="presubmits:\n  o/r:\n  - name: x\n    always_run: 1\n    labels: [a]\n",
        b="periodics: 3\n",
    ) == [
        "config.yaml:2:19: plank.max_goroutines: expected a whole number, found the text 'many'",
        "jobs/a.yaml:4:17: presubmits.o/r[0].always_run: expected true or false, found the number 1",
        "jobs/a.yaml:5:13: presubmits.o/r[0].labels: expected a mapping, found a list",
        "jobs/b.yaml:1:12: periodics: expected a list, found the number 3; an item begins with `- `",
    ]


def test_an_error_carries_file_line_column_and_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        loaded(tmp_path, "plank: {max_goroutines: []}\ntide: {sync_period: 5}\n")
    second = caught.value.errors[1]
    assert (second.file, second.line, second.column, second.path) == (
        f"{tmp_path}/config.yaml",
        2,
        21,
        "tide.sync_period",
    )


def test_an_unknown_key_is_a_warning_that_names_the_key_that_may_be_meant(tmp_path: Path) -> None:
    config = loaded(tmp_path, "", a=JOB.replace("always_run", "always_rum").replace("image", "imaje"))
    assert [warning.replace(f"{tmp_path}/", "") for warning in config.warnings] == [
        "jobs/a.yaml:4:5: unknown key 'always_rum'; did you mean 'always_run'?",
        "jobs/a.yaml:7:9: unknown key 'imaje'; did you mean 'image'?",
    ]


def test_an_unknown_key_is_an_error_when_strict(tmp_path: Path) -> None:
    assert problems(tmp_path, "plonk: {}\n", strict=True) == [
        "config.yaml:1:1: unknown key 'plonk'; did you mean 'plank'?"
    ]


def test_unquoted_numbers_are_no_text_in_job_names(tmp_path: Path) -> None:
    assert problems(tmp_path, a=JOB.replace("unit", "1.10")) == [
        "jobs/a.yaml:3:11: presubmits.o/r[0].name: expected text, found the number 1.1; put it in quotes"
    ]


def test_a_rule_that_is_broken_is_told_where_it_is_broken(tmp_path: Path) -> None:
    job = JOB.replace("    spec", "    branches: ['(']\n    run_if_changed: x\n    spec")
    assert problems(tmp_path, a=job) == [
        "jobs/a.yaml:5:16: job 'unit': branches: not a regular expression (RE2): missing ): (",
        "jobs/a.yaml:6:21: job 'unit': always_run and run_if_changed exclude each other",
    ]


def test_look_ahead_is_refused_since_patterns_are_re2(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, a=JOB.replace("    spec", "    skip_branches: ['(?!x)']\n    spec"))
    assert "not a regular expression (RE2)" in problem


def test_two_jobs_of_one_name_for_one_branch_are_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, a=JOB, b=JOB) == [
        f"jobs/b.yaml:3:5: job 'unit': the job 'unit' is there twice for the same branches ({tmp_path}/jobs/a.yaml:3)".replace(
            f"{tmp_path}/", ""
        )
    ]


def test_one_name_for_different_branches_is_fine(tmp_path: Path) -> None:
    first, second = (JOB.replace("    spec", f"    branches: [{branch}]\n    spec") for branch in ("main", "old"))
    assert len(loaded(tmp_path, a=first, b=second).presubmits_for("o", "r")) == 2


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        load(tmp_path / "none.yaml")
    assert "\n" not in str(caught.value)


def test_a_directory_as_the_main_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a file"):
        load(tmp_path)


def test_a_yaml_error_says_where(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "plank:\n  a: [1\nb: 2\n")
    assert problem.startswith("config.yaml:3:2: not YAML: ")


def test_file_names_must_be_unique_in_the_whole_tree(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, one__a="", two__a="")
    assert problem.startswith("jobs/two/a.yaml: another job file has the name a.yaml too")


def test_what_prowignore_names_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "jobs/sub").mkdir(parents=True)
    (tmp_path / "jobs/.prowignore").write_text("drafts/\n*.tmp.yaml\n!keep.tmp.yaml\n")
    (tmp_path / "jobs/sub/.prowignore").write_text("/b.yaml\n")
    broken = "presubmits: 1\n"
    files = {"drafts__x": broken, "y.tmp": broken, "keep.tmp": JOB, "sub__b": broken, "deep__drafts__z": broken}
    config = loaded(tmp_path, "", strict=False, **files)
    assert [job.name for job in config.presubmits_for("o", "r")] == ["unit"]


def test_names_with_two_dots_are_skipped_as_a_mounted_configmap_has_them(tmp_path: Path) -> None:
    data = tmp_path / "jobs" / "..2026_01_01"
    data.mkdir(parents=True)
    (data / "a.yaml").write_text(JOB)
    (tmp_path / "jobs" / "..data").symlink_to(data.name)
    (tmp_path / "jobs" / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "config.yaml").touch()
    config = load(tmp_path / "config.yaml", tmp_path / "jobs")
    assert len(config.presubmits_for("o", "r")) == 1


def test_gzip_is_inflated_and_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/a.yaml").write_bytes(gzip.compress(JOB.encode()))
    assert len(loaded(tmp_path, b="").presubmits_for("o", "r")) == 1
    (tmp_path / "jobs/a.yaml").write_bytes(gzip.compress(b"#" * (17 * 1024 * 1024)))
    (problem,) = problems(tmp_path, b="")
    assert "larger than" in problem


def test_decoration_is_merged_from_the_defaults_and_the_job_wins(tmp_path: Path) -> None:
    own = "    decorate: true\n    decoration_config: {timeout: 90m, gcs_configuration: {bucket: gs://own}}\n    spec"
    job = JOB.replace("    spec", own).replace("image: x", "{image: x, args: [a]}")
    config = loaded(tmp_path, DECORATION, a=job)
    decoration = config.presubmits_for("o", "r")[0].decoration_config
    assert decoration is not None
    assert decoration.gcs_configuration is not None
    assert decoration.utility_images is not None
    assert (decoration.timeout, decoration.gcs_configuration.bucket) == ("1h30m0s", "gs://own")
    assert (decoration.gcs_configuration.path_strategy, decoration.utility_images.sidecar) == ("explicit", "s")


def test_jobs_with_the_same_decoration_share_it(tmp_path: Path) -> None:
    jobs = "".join(f"  - {{name: j{n}, spec: {{containers: [{{image: x, args: [a]}}]}}}}\n" for n in range(2))
    config = loaded(tmp_path, f"decorate_all_jobs: true\n{DECORATION}", a=f"presubmits:\n  o/r:\n{jobs}")
    first, second = config.presubmits_for("o", "r")
    assert first.decoration_config is second.decoration_config


def test_presets_reach_the_jobs_that_carry_their_labels(tmp_path: Path) -> None:
    preset = "presets:\n- labels: {p: '1'}\n  env: [{name: A, value: 1}]\n"
    config = loaded(
        tmp_path, a=preset + JOB.replace("    spec", "    labels: {p: '1'}\n    spec"), b=JOB.replace("o/r", "o/s")
    )
    assert (config.presubmits_for("o", "r")[0].spec or {})["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    assert "env" not in (config.presubmits_for("o", "s")[0].spec or {})["containers"][0]


def test_an_alias_bomb_in_a_job_file_is_one_clear_error(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (problem,) = problems(tmp_path, a="prow_ignored:\n  " + "\n  ".join(lines) + "\n")
    assert "aliases" in problem


def test_the_hash_names_the_content(tmp_path: Path) -> None:
    first = loaded(tmp_path, "log_level: debug\n", a=JOB)
    assert first.hash == loaded(tmp_path, "log_level: debug\n", a=JOB).hash
    assert first.hash != loaded(tmp_path, "log_level: info\n", a=JOB).hash
    assert first.hash != loaded(tmp_path, "log_level: debug\n", a=JOB + "\n").hash


def test_version_is_what_stands_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("abc123\n")
    assert loaded(tmp_path, "config_version_sha: other\n").config_version_sha == "abc123\n"


def test_an_unreadable_job_file_is_told_and_the_others_are_still_checked(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/gone.yaml").symlink_to("nowhere")
    found = problems(tmp_path, other="periodics: 3\n")
    assert [problem.split(":")[0] for problem in found] == ["jobs/gone.yaml", "jobs/other.yaml"]


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(gzip.compress(b"pod_namespace: a\n") + gzip.compress(b"log_level: debug\n"))
    config = load(tmp_path / "config.yaml")
    assert (config.pod_namespace, config.log_level) == ("a", "debug")
