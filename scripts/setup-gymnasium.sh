#!/usr/bin/env bash
# Makes a virtual environment for a family of Gymnasium environments, in .venv/gymnasium-FAMILY here, where mbrl finds
# it by itself, and tries one of them.
# usage: scripts/setup-gymnasium.sh FAMILY …
#   FAMILY: classic, mujoco, atari, minigrid, dm_control or box2d
# Needs Python 3 with venv, and the network the first time.
. "$(dirname "$0")/common.sh"
options ARGUMENTS "$@"
[ ${#arguments[@]} -gt 0 ] || usage
temporary_folder
root="$PWD"

# make FAMILY MODULES ID PACKAGE …
make() {
  local family="$1" modules="$2" id="$3"
  shift 3
  PYTHON="" virtual_environment ".venv/gymnasium-$family" "$modules" "$*"
  # MuJoCo writes its warnings into a file of the working folder.
  (cd "$work" && "$root/$python" - "$id" "$modules") << 'PYTHON' || fail "$family: $id cannot be made"
import importlib
import sys

for name in sys.argv[2].split(", "):
    importlib.import_module(name)
import gymnasium

environment = gymnasium.make(sys.argv[1], disable_env_checker=True)
environment.reset(seed=0)
environment.step(environment.action_space.sample())
environment.close()
PYTHON
  ok "$family: $python, tried with $id"
}

for family in "${arguments[@]}"; do
  case "$family" in
    classic) make classic "gymnasium, pygame" CartPole-v1 "gymnasium[classic-control] h5py" ;;
    mujoco) make mujoco "gymnasium, mujoco" HalfCheetah-v5 "gymnasium[mujoco]" ;;
    atari) make atari "gymnasium, ale_py, cv2" ALE/Pong-v5 "gymnasium ale_py opencv-python-headless" ;;
    minigrid) make minigrid "gymnasium, minigrid" MiniGrid-Empty-5x5-v0 "gymnasium minigrid" ;;
    dm_control) # dm_control does not know MuJoCo 4 yet
      make dm_control "gymnasium, dm_control, shimmy" dm_control/cartpole-swingup-v0 \
        "shimmy[dm-control] packaging imageio mujoco<4" ;;
    box2d) make box2d "gymnasium, Box2D, pygame" LunarLander-v3 "swig gymnasium[box2d]" ;;
    *) echo "$me: no family \"$family\"" >&2; usage ;;
  esac
done
finished
