"""The image of tests/busybox.py in the form that `docker save` writes: `ctr images import` and
`docker load` take it, without a registry."""

import hashlib
import io
import json
import tarfile

import busybox

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make_archive(path, name):
    layer_path = f"{path}.layer"
    busybox.make_tar(layer_path)
    with open(layer_path, "rb") as file:
        layer = file.read()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64" if _is_x86() else "arm64",
            "os": "linux",
            "config": {"Env": [f"PATH={PATH}"], "Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{digest}/layer.tar"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]
    with tarfile.open(path, "w") as tar:
        for file_name, data in (
            (layer_name, layer),
            (config_name, config),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(file_name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _is_x86():
    with open("/proc/self/exe", "rb") as file:
        return file.read(20)[18] == 62  # ELF e_machine: EM_X86_64
