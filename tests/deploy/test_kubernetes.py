"""deploy/kubernetes is valid and holds together, as far as one can see without a cluster."""

import re

import kubernetes_validate
import pytest
import yaml
from configurations import check_configuration
from live import SOURCE

FOLDER = SOURCE / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
OBJECTS = [each for path in FILES for each in yaml.safe_load_all(path.read_text())]
VERSIONS = ("1.30", "1.33", "1.37")


def only(kind, name="eidetic"):
    found = [each for each in OBJECTS if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(found) == 1
    return found[0]


POD = only("Deployment")["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: f"{thing['kind']}-{thing['metadata']['name']}")
def test_objects_are_valid(thing, version):
    kubernetes_validate.validate(thing, version, strict=True)


def test_the_kustomization_names_all():
    named = set(KUSTOMIZATION["resources"])
    assert named == {path.name for path in FILES} - {"secret.example.yaml"}
    (generator,) = KUSTOMIZATION["configMapGenerator"]
    assert generator == {"name": "eidetic", "files": ["eidetic.toml"]}
    assert CONTAINER["image"] in {image["name"] for image in KUSTOMIZATION["images"]}


def test_objects_name_each_other():
    labels = POD["metadata"]["labels"].items()
    selectors = [
        only("Deployment")["spec"]["selector"]["matchLabels"],
        only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    selectors += [service["spec"]["selector"] for service in OBJECTS if service["kind"] == "Service"]
    selectors += [spread["labelSelector"]["matchLabels"] for spread in POD["spec"]["topologySpreadConstraints"]]
    assert all(selector.items() <= labels for selector in selectors)
    target = only("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert only(target["kind"], target["name"])["apiVersion"] == target["apiVersion"]
    for rule in only("Ingress")["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            ports = only("Service", service["name"])["spec"]["ports"]
            assert service["port"]["name"] in {port["name"] for port in ports}
    ports = {port["name"] for port in CONTAINER["ports"]}
    assert all(
        port["targetPort"] in ports for each in OBJECTS if each["kind"] == "Service" for port in each["spec"]["ports"]
    )
    volumes = {volume["name"]: volume for volume in POD["spec"]["volumes"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == volumes.keys()
    assert volumes["secrets"]["secret"]["secretName"] == only("Secret")["metadata"]["name"]
    assert volumes["configuration"]["configMap"]["name"] == KUSTOMIZATION["configMapGenerator"][0]["name"]


def test_it_agrees_with_the_container():
    containerfile = (SOURCE / "deploy/Containerfile").read_text()
    user = int(re.search(r"--uid (\d+)", containerfile)[1])
    assert POD["spec"]["securityContext"]["runAsUser"] == user
    assert CONTAINER["ports"][0]["containerPort"] == int(re.search(r"^EXPOSE (\d+)$", containerfile, re.M)[1])
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert re.search(r"^VOLUME (\S+)$", containerfile, re.M)[1] in mounts
    assert "/etc/eidetic" in mounts  # where CMD looks for its configuration
    assert "/etc/eidetic/eidetic.toml" in containerfile


def test_probes_ask_what_there_is():
    routes = yaml.safe_load((SOURCE / "docs/openapi.yaml").read_text())["paths"]
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        route = routes[CONTAINER[name]["httpGet"]["path"]]["get"]
        assert route["security"] == [], f"{name} has no token"


def test_the_configuration(tmp_path):
    text = (FOLDER / "eidetic.toml").read_text()
    secrets = only("Secret")["stringData"]
    place = next(mount["mountPath"] for mount in CONTAINER["volumeMounts"] if mount["name"] == "secrets")
    named = set(re.findall(rf'"{place}/([^"]+)"', text))
    assert named == secrets.keys()
    for name in named:
        (tmp_path / name).write_text(f"{name}-0123456789abcdef\n")
    text = text.replace(place, str(tmp_path)) + '[listen]\naddress = "0.0.0.0"\n'
    (tmp_path / "eidetic.toml").write_text(text)
    check_configuration(tmp_path / "eidetic.toml", tmp_path)
    keys = {f"EIDETIC_{name}" for name in ("ENGINE_THREADS", "LIMITS_SEARCH_THREADS", "LIMITS_WRITE_THREADS")}
    assert {variable["name"] for variable in CONTAINER["env"]} == keys
    assert all(key in (SOURCE / "docs/configuration.md").read_text() for key in keys)
