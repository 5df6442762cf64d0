"""The manifests of `deploy/k3s`: valid for Kubernetes, whole, and true to the rest."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate
import pytest
import yaml

import thunderline
from tests.deploy.fleet_servers import PASSWORDS, make_certificates
from tests.ports import free_port
from tests.running_line import REPOSITORY, wait_until
from tests.stages.services.fleet.servers import PROGRAM

FOLDER = REPOSITORY / "deploy" / "k3s"
NATS = REPOSITORY / "deploy" / "nats"
PAGE = (REPOSITORY / "docs" / "fleet.md").read_text()
VERSIONS = ("1.30", "1.34", "1.37")  # of Kubernetes: k3s has its numbers
FILES = ("hub.yaml", "site.yaml")

Manifest = dict[str, Any]


def manifests(name: str) -> list[Manifest]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


ALL = {f"{name}: {each['kind']} {each['metadata']['name']}": each
       for name in FILES for each in manifests(name)}  # fmt: skip


class Workload(NamedTuple):
    """A pod's specification, and the container in it."""

    pod: Mapping[str, Any]
    container: Mapping[str, Any]
    claims: frozenset[str]  # volumes that the controller makes

    @property
    def mounts(self) -> dict[str, Mapping[str, Any]]:
        return {each["mountPath"]: each for each in self.container["volumeMounts"]}


def workload(manifest: Manifest) -> Workload:
    spec = manifest["spec"]
    claims = frozenset(each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", ()))
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    return Workload(pod, container, claims)


def find(kind: str, name: str) -> Manifest:
    (found,) = (each for each in ALL.values()
                if each["kind"] == kind and each["metadata"]["name"] == name)  # fmt: skip
    return found


WORKLOADS = {name: each for name, each in ALL.items()
             if each["kind"] in ("StatefulSet", "DaemonSet", "Deployment", "Job")}  # fmt: skip
each_workload = pytest.mark.parametrize("name", WORKLOADS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ALL)
def test_it_is_valid_for_kubernetes(name: str, version: str) -> None:
    kubernetes_validate.validate(ALL[name], version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    wrong = find("DaemonSet", "boards")
    wrong = yaml.safe_load(yaml.safe_dump(wrong))
    wrong["spec"]["template"]["spec"]["hostNetworks"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("name", FILES)
def test_no_document_needs_anything_of_another(name: str) -> None:
    """Kubernetes reads each by itself: anchors of YAML end with it."""
    for text in (FOLDER / name).read_text().split("\n---\n"):
        assert yaml.safe_load(text)["apiVersion"]


@each_workload
def test_what_is_mounted_is_there_and_labels_agree(name: str) -> None:
    manifest = WORKLOADS[name]
    found = workload(manifest)
    volumes = {each["name"] for each in found.pod.get("volumes", ())} | found.claims
    mounted = {each["name"] for each in found.container["volumeMounts"]}
    assert mounted == volumes
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    if manifest["kind"] != "Job":  # which has a selector of its own
        assert manifest["spec"]["selector"]["matchLabels"] == labels
    variables = {each["name"] for each in found.container.get("env", ())}
    used = set(re.findall(r"\$\((\w+)\)", yaml.safe_dump(dict(found.container))))
    assert used <= variables


@each_workload
def test_no_container_is_root_and_none_but_that_with_a_camera_has_privileges(name: str) -> None:
    found = workload(WORKLOADS[name])
    assert found.pod["securityContext"]["runAsNonRoot"] is True
    assert found.pod["automountServiceAccountToken"] is False
    context = found.container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    if "boards-usb" in name:
        assert context["privileged"] is True
    else:
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


@each_workload
def test_no_password_stands_in_a_manifest(name: str) -> None:
    for variable in workload(WORKLOADS[name]).container.get("env", ()):
        assert "valueFrom" in variable
    assert not [each for each in ALL.values() if each["kind"] == "Secret"]


def references(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Kind and name of what it needs and none of the manifests has."""
    found = workload(manifest)
    for volume in found.pod.get("volumes", ()):
        if "configMap" in volume:
            yield "configmap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "secret", volume["secret"]["secretName"]
    for source in found.container.get("envFrom", ()):
        yield "secret", source["secretRef"]["name"]
    for variable in found.container.get("env", ()):
        if "secretKeyRef" in variable["valueFrom"]:
            yield "secret", variable["valueFrom"]["secretKeyRef"]["name"]


def test_the_page_makes_all_that_is_referred_to() -> None:
    needed = {each for manifest in WORKLOADS.values() for each in references(manifest)}
    made = set(re.findall(r"create (configmap|secret) (?:generic )?([\w-]+)", PAGE))
    assert made == needed
    selectors = (workload(each).pod.get("nodeSelector", {}) for each in WORKLOADS.values())
    labels = {f"{name}={value}" for each in selectors for name, value in each.items()}
    assert labels == set(re.findall(r"thunderline/cameras=\w+", PAGE))


@each_workload
def test_services_lead_to_ports_that_are_open(name: str) -> None:
    manifest = WORKLOADS[name]
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    ports = {each["name"] for each in workload(manifest).container.get("ports", ())}
    reached = {
        port["targetPort"]
        for service in ALL.values()
        if service["kind"] == "Service" and service["spec"]["selector"] == labels
        for port in service["spec"]["ports"]
    }
    assert reached == ports


def test_images_have_the_version_of_the_project() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    images = {workload(each).container["image"] for each in WORKLOADS.values()}
    assert {image for image in images if "thunderline" in image} == {
        f"localhost/thunderline:{version}"
    }


@pytest.mark.parametrize(("name", "label"), [("boards", "network"), ("boards-usb", "usb")])
def test_a_board_runs_the_line_with_its_own_file_and_password(
    name: str, label: str, tmp_path: Path
) -> None:
    found = workload(find("DaemonSet", name))
    assert found.pod["nodeSelector"] == {"thunderline/cameras": label}
    program, word, config = found.container["command"]
    assert (program, word) == ("thunderline", "run")
    assert found.mounts[config]["subPathExpr"] == "$(NODE_NAME).yaml"
    probe = found.container["livenessProbe"]["exec"]["command"]
    assert probe[0] == "thunderline"
    assert probe[1] in thunderline.COMMANDS
    example = (FOLDER / "lines" / "board-1.yaml").read_text()
    paths = {"/run/fleet/ca.pem": "ca.pem", "/run/fleet/password": "password"}
    make_certificates(tmp_path, [])
    (tmp_path / "password").write_text("secret")
    for path, file in paths.items():
        assert path in found.mounts
        assert path in example
        example = example.replace(path, str(tmp_path / file))
    (tmp_path / "line.yaml").write_text(example)
    arguments = [each.replace("$(NODE_NAME)", "board-1") for each in found.container["args"]]
    checked = subprocess.run(
        [sys.executable, "run_pipeline.py", "--check", str(tmp_path / "line.yaml"), *arguments,
         "--set", f"publish.endpoint=ipc://{tmp_path}/pub"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": "/usr/bin:/bin", "GATE_PASSWORD": "secret", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["hub", "leaf"])
def test_the_files_of_the_servers_work_where_the_manifest_puts_them(
    name: str, tmp_path: Path
) -> None:
    """The real server, with the command, the folders and the probe of the manifest."""
    found = workload(find("StatefulSet", name))
    root = tmp_path / found.container["workingDir"].strip("/")
    for path in found.mounts:
        (tmp_path / path.strip("/")).mkdir(parents=True)
    for file in NATS.glob(f"{name}*.conf"):
        shutil.copy(file, root / "conf")
    make_certificates(root / "tls", ["hub", "hall"])
    ports = [free_port() for _ in range(3)]
    conf = root / "conf" / f"{name}.conf"
    text = conf.read_text().replace("0.0.0.0:4222", f"127.0.0.1:{ports[0]}")
    text = text.replace("0.0.0.0:7422", f"127.0.0.1:{ports[1]}")
    text = text.replace("127.0.0.1:8222", f"127.0.0.1:{ports[2]}")
    conf.write_text(text.replace("250GB", "1GB").replace("6GB", "1GB"))
    program, *arguments = found.container["command"]
    assert program == "nats-server"
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, *arguments], cwd=root, stdout=output, stderr=output,
            env=PASSWORDS | {"HUB_URL": f"tls://site_hall:secret@127.0.0.1:{ports[1]}"},
        )  # fmt: skip
    try:
        probe = found.container["livenessProbe"]["exec"]["command"]
        url = probe[-1].replace("8222", str(ports[2]))
        wait_until(lambda: answers(url), "the probe is content", pause_s=0.1)
        assert list((root / "store").iterdir())
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -9, log.read_text()


def answers(url: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])",
         url], capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


@pytest.mark.parametrize("name", [n for n in WORKLOADS if "streams" in n or "metrics" in n])
def test_commands_beside_the_servers_are_those_of_the_package(name: str) -> None:
    command = workload(WORKLOADS[name]).container["command"]
    assert command[:2] == ["python", "-m"]
    module = command[2].removeprefix("thunderline.")
    told = subprocess.run(
        [sys.executable, "-m", module, *command[3:], "--help"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    known = set(re.findall(r"--[\w-]+", told.stdout))
    assert {each.partition("=")[0] for each in command[3:] if each.startswith("--")} <= known
