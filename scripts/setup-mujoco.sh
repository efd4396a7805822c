#!/usr/bin/env bash
# Brings what MuJoCo's tasks need into .mujoco, which git ignores: libmujoco from the PyPI wheel mujoco-core 4.0.0, and
# the XML files of the models from the wheel gymnasium 1.4.0. Python is needed here only, not where mbrl runs.
# usage: scripts/setup-mujoco.sh [--from FOLDER] [--into FOLDER]
#   --from FOLDER   the two wheels lie there already; nothing is downloaded
#   --into FOLDER   instead of .mujoco; mbrl then finds it by MBRL_MUJOCO=FOLDER or environment.library
. "$(dirname "$0")/common.sh"
from="" into=.mujoco
options "from= into=" "$@"
need_python
into="$(case "$into" in .mujoco) echo "$PWD/.mujoco" ;; *) absolute "$into" ;; esac)"

temporary_folder
if [ -n "$from" ]; then
  from="$(absolute "$from")"
else
  from="$work/wheels"
  python3 -m pip --version > /dev/null 2>&1 || stop "pip is missing; to install it: apt-get install python3-pip"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$from" \
    mujoco-core==4.0.0 gymnasium==1.4.0 >&2 || stop "pip could not download mujoco-core 4.0.0 and gymnasium 1.4.0"
fi

mkdir -p "$into/models"
python3 - "$from" "$into" << 'EOF'
import glob, hashlib, os, sys, zipfile

source, target = sys.argv[1:]
# SHA-256 of what the recordings of Gymnasium were made with (the library: of Linux x86-64 only).
LIBRARY = {"libmujoco.so.4.0.0": "90bc997a73efc90624a120f63eccd67441dfc6c705cd537357508f44757880ba"}
MODELS = {
    "half_cheetah.xml": "11797a5d69e8ac955e89ca6fdd3a0087f1c990094fda401ac51420de1b6c5494",
    "hopper.xml": "3ce93a055ffdcd83c0c701d2400768e40d2cbb9532f3c4ae33377c27f8b39f9e",
    "walker2d_v5.xml": "6bed53a6cc3ca73c4fe8ac3486d3b4228927264a6454f4ef16d3eed3c58bc09d",
    "ant.xml": "cd5f83ef0ea35b0969e65d360c5bacd5b74ccaef6b27e4433b5168c605e3e2be",
    "humanoid.xml": "85816f372c826d2094b4a598918233bd9c5843b2439119eece2733bdc2e0d073",
    "inverted_pendulum.xml": "80910a9af85cd47072be82d6f92c5e6a115d0eecc3eb464e58542b285c89fb7f",
    "inverted_double_pendulum.xml": "2b4eadf03bd79a8772abd4c1a626b5755747f841801a694ea9528cc49211ba46",
    "reacher.xml": "3fabc64fc738326485a8231a9a649f784090a0c3d8215f8d2ccd6038b8e60cc4",
    "pusher_v5.xml": "3c9a717f6d2cecd555ab9b78694dba71019fa233230c68c8197ebb07d6713879",
    "swimmer.xml": "25b0d46bf5522920fea6a579353aee39d391ad9e2a0574b53f83704c11b21b12",
}

def wheel(name):
    found = sorted(glob.glob(os.path.join(source, name)))
    if not found:
        sys.exit(f"setup-mujoco: there is no {name} in {source}")
    return zipfile.ZipFile(found[-1])

def bring(archive, member, place, digest, strict):
    data = archive.read(member)
    found = hashlib.sha256(data).hexdigest()
    if digest and found != digest:
        text = f"{os.path.basename(member)} has the SHA-256 {found}, not {digest}"
        if strict:
            sys.exit(f"setup-mujoco: {text}")
        print(f"setup-mujoco: {text}: bits may differ from the recordings'", file=sys.stderr)
    temporary = place + ".part"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, place)

core = wheel("mujoco_core-4.0.0-*.whl")
names = [n for n in core.namelist()
         if os.path.basename(n).startswith("libmujoco.") and (".so" in n or n.endswith(".dylib"))]
if len(names) != 1:
    sys.exit(f"setup-mujoco: the wheel holds {len(names)} libraries: {names}")
library = os.path.basename(names[0])
bring(core, names[0], os.path.join(target, library), LIBRARY.get(library), False)
models = wheel("gymnasium-1.4.0-*.whl")
for name, digest in MODELS.items():
    bring(models, "gymnasium/envs/mujoco/assets/" + name, os.path.join(target, "models", name), digest, True)
for archive, name in ((core, "MuJoCo"), (models, "Gymnasium")):
    for member in archive.namelist():
        if os.path.basename(member) == "LICENSE" and "dist-info" in member:
            bring(archive, member, os.path.join(target, f"LICENSE.{name}"), None, False)
print(f"setup-mujoco: {library} and {len(MODELS)} models are in {target}")
EOF
