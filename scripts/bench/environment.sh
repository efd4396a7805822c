# Sets $python to that of a virtual environment with the libraries that the benchmarks compare with; makes it where it
# is missing (some minutes and some gigabytes). To be sourced.
venv="${MBRL_PEERS_VENV:-.build/peers-venv}"
python="$venv/bin/python"
if ! "$python" -c "import torch, jax, gymnasium, mbrl.models" > /dev/null 2>&1; then
  echo "installing PyTorch, JAX, Gymnasium and mbrl-lib into $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch jax gymnasium mbrl >&2
  # mbrl-lib asks for a Hydra that does not load on Python 3.11 and later; a newer one serves.
  "$venv/bin/pip" install --quiet --upgrade "hydra-core>=1.3" "omegaconf>=2.3" >&2
fi
