# Sets $python to one with the libraries that the benchmarks compare with (some gigabytes); sourced, after common.sh.
# shellcheck shell=bash
# mbrl-lib without what it asks for, which is years old: a gymnasium that Stable-Baselines3 can't use, a Hydra that does
# not load on Python 3.11 and later. Newer ones serve.
virtual_environment "${MBRL_PEERS_VENV:-.build/peers-venv}" "torch, jax, gymnasium, mbrl.models, stable_baselines3" \
  "torch jax gymnasium stable-baselines3 hydra-core>=1.3 omegaconf>=2.3 termcolor tensorboard imageio matplotlib tqdm" \
  "--no-deps mbrl"
