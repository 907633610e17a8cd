"""The scripts on clusters: a shell reads them, and the commands in them are accepted."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from hiddenstate.cli.sweep import sweep

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text("utf-8")
SHELL = re.findall(r"^```bash\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands_in(text):
    """The commands of hiddenstate, joined over their lines."""
    joined = text.replace("\\\n", " ")
    return re.findall(r"hiddenstate (?:sweep|tune) [^\n&]*", joined)


def containers(text):
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["spec"]["completionMode"] == "Indexed"
    pod = job["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    return job, pod["containers"]


@pytest.mark.parametrize("number", range(len(SHELL)))
def test_a_shell_reads_each_script(number, tmp_path):
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash")
    script = tmp_path / "script.sh"
    script.write_text(SHELL[number], "utf-8")
    done = subprocess.run([shell, "-n", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", range(len(YAML)))
def test_each_job_is_yaml_of_an_indexed_job(number):
    job, (container,) = containers(YAML[number])
    assert container["command"]
    assert job["spec"]["completions"] >= job["spec"]["parallelism"]


def test_the_commands_of_sweeps_are_accepted():
    texts = [*SHELL, *(" ".join(containers(text)[1][0].get("args", [])) for text in YAML)]
    found = [c for text in texts for c in commands_in(text) if c.startswith("hiddenstate sweep")]
    assert len(found) == 3
    for command in found:
        words = shlex.split(command.replace("$SLURM_CPUS_PER_TASK", "4"))[2:]
        sweep.make_context("sweep", words, resilient_parsing=False)


def test_the_number_of_shards_is_that_of_the_tasks():
    first = SHELL[0]
    assert "#SBATCH --array=0-15\n" in first
    assert '--shard "$SLURM_ARRAY_TASK_ID/16"' in first
    job, (container,) = containers(YAML[0])
    assert f'--shard "$JOB_COMPLETION_INDEX/{job["spec"]["completions"]}"' in container["args"][0]


def test_no_password_stands_in_a_script():
    assert not re.search(r"postgresql://\w+:\w", PAGE)
