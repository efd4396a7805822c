# Sets $python to one with the libraries that the benchmarks compare with (some gigabytes); sourced, after common.sh.
# shellcheck shell=bash
# mbrl-lib asks for a Hydra that does not load on Python 3.11 and later; a newer one serves.
virtual_environment "${MBRL_PEERS_VENV:-.build/peers-venv}" "torch, jax, gymnasium, mbrl.models, stable_baselines3" \
  "torch jax gymnasium mbrl stable-baselines3" "hydra-core>=1.3 omegaconf>=2.3"
