"""Workloads of scripts/bench/peers.sh that learn policies: soft actor-critic's update in PyTorch, Stable-Baselines3 and
JAX, PPO's on pictures in the first two, and PPO and DQN on CartPole-v1 end to end in Stable-Baselines3, with the sizes
and settings of `mbrl bench`.

`run(library, workload, report)` calls report(function, items): the function does so many updates or steps.
"""
OBSERVATIONS, ACTIONS, HIDDEN, ROWS, STORED = 17, 6, 256, 256, 10_000
UPDATES = 20


def run(library, workload, report):
    if workload == "sac-update":
        {"torch": torch_update, "sb3": baselines_update, "jax": jax_update}[library](report)
    elif workload == "ppo-pictures-update":
        {"torch": torch_pictures, "sb3": baselines_pictures}[library](report)
    elif library == "sb3":
        baselines_steps(workload, report)
    else:
        raise SystemExit(f"{workload} is Stable-Baselines3's only")


def torch_update(report):
    """Twin critics as one batch of two; Adam fused; the minibatch gathered from tensors."""
    import copy

    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(0)

    class Critics(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [OBSERVATIONS + ACTIONS, HIDDEN, HIDDEN, 1]
            self.weights = nn.ParameterList(
                nn.Parameter(torch.empty(2, i, o).uniform_(-i**-0.5, i**-0.5)) for i, o in zip(sizes, sizes[1:]))
            self.biases = nn.ParameterList(
                nn.Parameter(torch.empty(2, 1, o).uniform_(-i**-0.5, i**-0.5)) for i, o in zip(sizes, sizes[1:]))

        def forward(self, observations, actions):
            x = torch.cat([observations, actions], 1).expand(2, -1, -1)
            for weight, bias in zip(self.weights[:-1], self.biases[:-1]):
                x = F.relu(torch.baddbmm(bias, x, weight))
            return torch.baddbmm(self.biases[-1], x, self.weights[-1])

    policy = nn.Sequential(
        nn.Linear(OBSERVATIONS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
        nn.Linear(HIDDEN, 2 * ACTIONS))
    critics = Critics()
    targets = copy.deepcopy(critics).requires_grad_(False)
    log_alpha = torch.zeros(1, requires_grad=True)
    adam = lambda parameters: torch.optim.Adam(parameters, lr=3e-4, fused=True)
    actor_adam, critic_adam, alpha_adam = adam(policy.parameters()), adam(critics.parameters()), adam([log_alpha])
    observations, following = torch.randn(STORED, OBSERVATIONS), torch.randn(STORED, OBSERVATIONS)
    actions, rewards = torch.rand(STORED, ACTIONS) * 2 - 1, torch.randn(STORED, 1)
    ends = torch.zeros(STORED, 1)

    def draw(states):
        mean, log_deviation = policy(states).chunk(2, 1)
        log_deviation = log_deviation.clamp(-20, 2)
        noise = torch.randn_like(mean)
        raw = mean + noise * log_deviation.exp()
        density = -0.5 * noise**2 - log_deviation - 0.9189385
        return raw.tanh(), (density - 2 * (0.6931472 - raw - F.softplus(-2 * raw))).sum(1, keepdim=True)

    def update():
        rows = torch.randint(STORED, (ROWS,))
        s, a, r, n, d = observations[rows], actions[rows], rewards[rows], following[rows], ends[rows]
        action, log_probability = draw(s)
        alpha = log_alpha.detach().exp()
        alpha_adam.zero_grad()
        (-(log_alpha * (log_probability.detach() - ACTIONS)).mean()).backward()
        alpha_adam.step()
        with torch.no_grad():
            next_action, next_log = draw(n)
            y = r + 0.99 * (1 - d) * (targets(n, next_action).amin(0) - alpha * next_log)
        critic_adam.zero_grad()
        (0.5 * ((critics(s, a) - y) ** 2).mean((1, 2)).sum()).backward()
        critic_adam.step()
        critics.requires_grad_(False)
        actor_adam.zero_grad()
        (alpha * log_probability - critics(s, action).amin(0)).mean().backward()
        actor_adam.step()
        critics.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(list(targets.parameters()), list(critics.parameters()), 0.005)

    report(lambda: [update() for _ in range(UPDATES)], UPDATES)


def baselines_update(report):
    """Its own train()."""
    import gymnasium
    import numpy
    from stable_baselines3 import SAC
    from stable_baselines3.common.logger import configure

    class Task(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-numpy.inf, numpy.inf, (OBSERVATIONS,), numpy.float32)
        action_space = gymnasium.spaces.Box(-1, 1, (ACTIONS,), numpy.float32)

        def reset(self, *, seed=None, options=None):
            return numpy.zeros(OBSERVATIONS, numpy.float32), {}

        def step(self, action):
            return numpy.zeros(OBSERVATIONS, numpy.float32), 0.0, False, False, {}

    model = SAC("MlpPolicy", Task(), buffer_size=2 * STORED, seed=0, device="cpu")
    model.set_logger(configure(None, []))
    random = numpy.random.default_rng(0)
    for _ in range(STORED):
        observation, following = random.standard_normal((2, 1, OBSERVATIONS), numpy.float32)
        model.replay_buffer.add(
            observation, following, random.uniform(-1, 1, (1, ACTIONS)), random.standard_normal(1), numpy.zeros(1),
            [{}])
    report(lambda: model.train(gradient_steps=UPDATES, batch_size=ROWS), UPDATES)


def torch_pictures(report):
    """One minibatch; channels last, which is the faster layout for it on processors, and Adam fused."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(3136, 512), nn.ReLU()).to(memory_format=torch.channels_last)
    policy, value = nn.Linear(512, ACTIONS), nn.Linear(512, 1)
    parameters = [*body.parameters(), *policy.parameters(), *value.parameters()]
    adam = torch.optim.Adam(parameters, lr=3e-4, eps=1e-5, fused=True)
    pictures = torch.randint(256, (ROWS, 4, 84, 84), dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    taken, old = torch.randint(ACTIONS, (ROWS,)), torch.full((ROWS,), -1.8)
    raw, returns = torch.randn(ROWS), torch.randn(ROWS)

    def update():
        seen = body(pictures.float() / 255)
        logs = policy(seen).log_softmax(1)
        advantages = (raw - raw.mean()) / (raw.std() + 1e-8)
        ratio = (logs.gather(1, taken[:, None])[:, 0] - old).exp()
        gain = torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
        adam.zero_grad()
        (0.5 * ((value(seen)[:, 0] - returns) ** 2).mean() - gain).backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        adam.step()

    report(update)


def baselines_pictures(report):
    """Its own train(), an epoch of one minibatch."""
    import gymnasium
    import numpy
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.logger import configure

    class Task(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (84, 84, 4), numpy.uint8)
        action_space = gymnasium.spaces.Discrete(ACTIONS)

        def reset(self, *, seed=None, options=None):
            return numpy.zeros((84, 84, 4), numpy.uint8), {}

        def step(self, action):
            return numpy.zeros((84, 84, 4), numpy.uint8), 0.0, False, False, {}

    model = PPO("CnnPolicy", Task(), n_steps=ROWS, batch_size=ROWS, n_epochs=1, seed=0, device="cpu")
    model.set_logger(configure(None, []))
    random = numpy.random.default_rng(0)
    for _ in range(ROWS):
        model.rollout_buffer.add(
            random.integers(256, size=(1, 4, 84, 84), dtype=numpy.uint8), random.integers(ACTIONS, size=(1, 1)),
            random.standard_normal(1), numpy.zeros(1), torch.randn(1, 1), torch.full((1,), -1.8))
    model.rollout_buffer.compute_returns_and_advantage(torch.zeros(1, 1), numpy.zeros(1))
    report(model.train)


def baselines_steps(workload, report):
    """Training from end to end with the settings of rl-baselines3-zoo."""
    from stable_baselines3 import DQN, PPO
    from stable_baselines3.common.env_util import make_vec_env

    if workload == "ppo-cartpole":
        model = PPO(
            "MlpPolicy", make_vec_env("CartPole-v1", n_envs=8, seed=0), n_steps=32, batch_size=256, n_epochs=20,
            gamma=0.98, gae_lambda=0.8, ent_coef=0.0, learning_rate=1e-3, clip_range=0.2, seed=0, device="cpu")
    else:
        model = DQN(
            "MlpPolicy", make_vec_env("CartPole-v1", n_envs=1, seed=0), learning_rate=2.3e-3, batch_size=64,
            buffer_size=100_000, learning_starts=1000, gamma=0.99, target_update_interval=10, train_freq=256,
            gradient_steps=128, exploration_fraction=0.16, exploration_final_eps=0.04,
            policy_kwargs={"net_arch": [256, 256]}, seed=0, device="cpu")
        model.learn(1024)
    steps = 1024
    report(lambda: model.learn(steps, reset_num_timesteps=False), steps)


def jax_update(report):
    """Everything in one jitted function, the minibatch's choice included."""
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(0)

    def network(key, sizes, members=None):
        shape = () if members is None else (members,)
        parts = []
        for i, o in zip(sizes, sizes[1:]):
            key, first, second = jax.random.split(key, 3)
            parts.append((jax.random.uniform(first, shape + (i, o), minval=-i**-0.5, maxval=i**-0.5),
                          jax.random.uniform(second, shape + (1, o), minval=-i**-0.5, maxval=i**-0.5)))
        return parts

    def forward(layers, x):
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        return x @ layers[-1][0] + layers[-1][1]

    def draw(policy, states, key):
        mean, log_deviation = jnp.split(forward(policy, states), 2, axis=1)
        log_deviation = jnp.clip(log_deviation, -20, 2)
        noise = jax.random.normal(key, mean.shape)
        raw = mean + noise * jnp.exp(log_deviation)
        density = -0.5 * noise**2 - log_deviation - 0.9189385
        return jnp.tanh(raw), (density - 2 * (0.6931472 - raw - jax.nn.softplus(-2 * raw))).sum(1, keepdims=True)

    def adam(parameters, moments, gradients, t):
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, moments[0], gradients)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, moments[1], gradients)
        step = lambda p, a, b: p - 3e-4 * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8)
        return jax.tree.map(step, parameters, m, v), (m, v)

    def values(critics, states, actions):
        return forward(critics, jnp.concatenate([states, actions], 1)[None])

    def update(state, data):
        policy, critics, targets, log_alpha, moments, t, key = state
        key, choosing, first, second = jax.random.split(key, 4)
        s, a, r, n, d = (column[jax.random.randint(choosing, (ROWS,), 0, STORED)] for column in data)
        alpha = jnp.exp(log_alpha)
        next_action, next_log = draw(policy, n, first)
        y = r + 0.99 * (1 - d) * (values(targets, n, next_action).min(0) - alpha * next_log)
        critic_gradients = jax.grad(lambda c: 0.5 * ((values(c, s, a) - y) ** 2).mean((1, 2)).sum())(critics)
        critics, critic_moments = adam(critics, moments[1], critic_gradients, t)

        def actor_loss(policy):
            action, log_probability = draw(policy, s, second)
            return (alpha * log_probability - values(critics, s, action).min(0)).mean(), log_probability

        actor_gradients, log_probability = jax.grad(actor_loss, has_aux=True)(policy)
        policy, actor_moments = adam(policy, moments[0], actor_gradients, t)
        log_alpha, alpha_moments = adam(log_alpha, moments[2], -(log_probability - ACTIONS).mean(), t)
        targets = jax.tree.map(lambda a, b: a + 0.005 * (b - a), targets, critics)
        return policy, critics, targets, log_alpha, (actor_moments, critic_moments, alpha_moments), t + 1, key

    keys = jax.random.split(key, 6)
    policy = network(keys[0], [OBSERVATIONS, HIDDEN, HIDDEN, 2 * ACTIONS])
    critics = network(keys[1], [OBSERVATIONS + ACTIONS, HIDDEN, HIDDEN, 1], members=2)
    zeros = lambda tree: (jax.tree.map(jnp.zeros_like, tree), jax.tree.map(jnp.zeros_like, tree))
    log_alpha = jnp.float32(0)
    state = [(policy, critics, jax.tree.map(jnp.copy, critics), log_alpha,
              (zeros(policy), zeros(critics), zeros(log_alpha)), jnp.float32(1), keys[2])]
    data = (jax.random.normal(keys[3], (STORED, OBSERVATIONS)),
            jax.random.uniform(keys[4], (STORED, ACTIONS), minval=-1, maxval=1),
            jax.random.normal(keys[5], (STORED, 1)), jax.random.normal(keys[3], (STORED, OBSERVATIONS)),
            jnp.zeros((STORED, 1)))
    compiled = jax.jit(update, donate_argnums=0)

    def run():
        for _ in range(UPDATES):
            state[0] = compiled(state[0], data)
        jax.block_until_ready(state[0])

    report(run, UPDATES)
