"""One workload of scripts/bench/peers.sh in another library: prints the median seconds of repeated runs.

usage: peer_workloads.py LIBRARY WORKLOAD THREADS SECONDS
LIBRARY: torch (eager, batched baddbmm as mbrl-lib does), torch-compile, mbrl-lib, sb3, jax (jitted)
WORKLOAD: matmul-BxRxIxO, rollout-500x20x25, train-5x32, train-7x256, and those of policy_workloads.py, by the update or
step: the sizes are those of `mbrl bench`.
"""
import os
import statistics
import sys
import time
import warnings

library, workload, threads, budget = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
warnings.filterwarnings("ignore")
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
if library == "jax" and threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})

WIDTHS = [6, 200, 200, 200, 200, 8]
MEMBERS, POPULATION, PARTICLES, HORIZON = 5, 500, 20, 25
kind, sizes = workload.split("-", 1)
is_policy = kind in ("sac", "ppo", "dqn")
sizes = [] if is_policy else [int(size) for size in sizes.split("x")]


def report(run, items=1):
    """Three runs at least, after two that compile and warm up. One thread is timed by its processor time, as there."""
    clock = time.process_time if threads == 1 else time.perf_counter
    run(), run()
    seconds, start = [], time.perf_counter()
    while len(seconds) < 3 or (len(seconds) < 1000 and time.perf_counter() - start < budget):
        before = clock()
        run()
        seconds.append(clock() - before)
    print(statistics.median(seconds) / items)


def torch_workload():
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def maybe_compiled(function):
        return torch.compile(function) if library == "torch-compile" else function

    def network(members):
        weights = [torch.randn(members, i, o) / i**0.5 for i, o in zip(WIDTHS, WIDTHS[1:])]
        return weights, [torch.zeros(members, 1, o) for o in WIDTHS[1:]]

    def forward(x, weights, biases):
        for weight, bias in zip(weights[:-1], biases[:-1]):
            x = F.silu(torch.baddbmm(bias, x, weight))
        out = torch.baddbmm(biases[-1], x, weights[-1])
        raw = 0.5 - F.softplus(0.5 - out[..., 4:])
        return out[..., :4], -10 + F.softplus(raw + 10)

    if kind == "matmul":
        members, rows, inputs, outputs = ([1] + sizes)[-4:]
        x, weight = torch.randn(members, rows, inputs), torch.randn(members, inputs, outputs)
        bias = torch.randn(members, 1, outputs)
        layer = maybe_compiled(lambda: F.silu(torch.baddbmm(bias, x, weight)))
        with torch.no_grad():
            return report(layer)
    if kind == "rollout":
        weights, biases = network(MEMBERS)
        rows = POPULATION * PARTICLES
        actions, start = torch.randn(POPULATION, HORIZON, 2), torch.randn(4) * 0.1

        @maybe_compiled
        def step(state, action, order):
            x = torch.cat([state, action], 1)[order].view(MEMBERS, -1, 6)
            mean, log_variance = forward(x, weights, biases)
            change = torch.normal(mean, torch.exp(0.5 * log_variance)).view(-1, 4)
            moved = torch.empty_like(change)
            moved[order] = change
            return state + moved

        def imagine():
            state = start.repeat(rows, 1)
            for t in range(HORIZON):
                state = step(state, actions[:, t].repeat_interleave(PARTICLES, 0), torch.randperm(rows))

        with torch.no_grad():
            return report(imagine)
    members, batch = sizes
    x = torch.randn(members, batch, 6)
    y = torch.randn(members, batch, 4)
    if library == "mbrl-lib":
        import mbrl.models
        import omegaconf

        activation = omegaconf.OmegaConf.create({"_target_": "torch.nn.SiLU"})
        model = mbrl.models.GaussianMLP(
            6, 4, "cpu", num_layers=4, ensemble_size=members, hid_size=200, activation_fn_cfg=activation)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        return report(lambda: model.update(x, optimizer, y))
    weights, biases = network(members)
    parameters = [p.requires_grad_() for p in weights + biases]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    @maybe_compiled
    def loss():
        mean, log_variance = forward(x, weights, biases)
        return ((mean - y) ** 2 * torch.exp(-log_variance) + log_variance).mean((1, 2)).sum()

    def update():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    report(update)


def jax_workload():
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(0)

    def network(members):
        return [
            (jax.random.normal(jax.random.fold_in(key, n), (members, i, o)) / i**0.5, jnp.zeros((members, 1, o)))
            for n, (i, o) in enumerate(zip(WIDTHS, WIDTHS[1:]))]

    def forward(x, layers):
        for weight, bias in layers[:-1]:
            x = jax.nn.silu(jnp.einsum("ebk,ekn->ebn", x, weight) + bias)
        out = jnp.einsum("ebk,ekn->ebn", x, layers[-1][0]) + layers[-1][1]
        raw = 0.5 - jax.nn.softplus(0.5 - out[..., 4:])
        return out[..., :4], -10 + jax.nn.softplus(raw + 10)

    if kind == "matmul":
        members, rows, inputs, outputs = ([1] + sizes)[-4:]
        x, weight = jax.random.normal(key, (members, rows, inputs)), jax.random.normal(key, (members, inputs, outputs))
        bias = jnp.zeros((members, 1, outputs))
        layer = jax.jit(lambda x, weight, bias: jax.nn.silu(jnp.einsum("ebk,ekn->ebn", x, weight) + bias))
        return report(lambda: layer(x, weight, bias).block_until_ready())
    if kind == "rollout":
        layers, rows = network(MEMBERS), POPULATION * PARTICLES
        actions, start = jax.random.normal(key, (POPULATION, HORIZON, 2)), jnp.full((rows, 4), 0.1)

        @jax.jit
        def imagine(layers, actions, key):
            def step(carry, t):
                state, key = carry
                key, first, second = jax.random.split(key, 3)
                order = jax.random.permutation(first, rows)
                x = jnp.concatenate([state, jnp.repeat(actions[:, t], PARTICLES, 0)], 1)[order]
                mean, log_variance = forward(x.reshape(MEMBERS, -1, 6), layers)
                change = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(second, mean.shape)
                return (state + jnp.zeros_like(state).at[order].set(change.reshape(-1, 4)), key), None

            return jax.lax.scan(step, (start, key), jnp.arange(HORIZON))[0][0]

        return report(lambda: imagine(layers, actions, key).block_until_ready())
    members, batch = sizes
    x, y = jax.random.normal(key, (members, batch, 6)), jax.random.normal(key, (members, batch, 4))

    def loss(layers, x, y):
        mean, log_variance = forward(x, layers)
        return ((mean - y) ** 2 * jnp.exp(-log_variance) + log_variance).mean((1, 2)).sum()

    def update(layers, m, v, t, x, y):
        g = jax.grad(loss)(layers, x, y)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        step = lambda p, a, b: p - 1e-3 * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8)
        return jax.tree.map(step, layers, m, v), m, v, t + 1

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    layers = network(members)
    state = [layers, jax.tree.map(jnp.zeros_like, layers), jax.tree.map(jnp.zeros_like, layers), jnp.float32(1)]

    def run():
        state[:] = compiled(*state, x, y)
        jax.block_until_ready(state)

    report(run)


def policy_workload():
    import policy_workloads

    if library != "jax":
        import torch

        torch.set_num_threads(threads)
    policy_workloads.run(library, workload, report)


policy_workload() if is_policy else jax_workload() if library == "jax" else torch_workload()
