#!/usr/bin/env python3
"""Episodes of Gymnasium 1.4.0 toy-text environments from reset(seed) on, with the ansi pictures of their first and last
states, one JSON object per line: Tests/Fixtures/gymnasium/tabular-rollouts.jsonl.

usage: python3 scripts/make-tabular-rollouts.py > Tests/Fixtures/gymnasium/tabular-rollouts.jsonl
Needs gymnasium==1.4.0; to install it: python3 -m pip install gymnasium==1.4.0
"""
import json
import random

import gymnasium as gym

rng = random.Random(7)
cases = [
    ("FrozenLake-v1", {}), ("FrozenLake-v1", {"is_slippery": False}),
    ("FrozenLake-v1", {"desc": ["SFFFS", "FHFHF", "FFFGF"], "success_rate": 0.6}), ("FrozenLake8x8-v1", {}),
    ("Taxi-v4", {}), ("Taxi-v4", {"is_rainy": True}), ("CliffWalking-v1", {}), ("CliffWalkingSlippery-v1", {})]
names = {"is_slippery": "isSlippery", "success_rate": "successRate", "is_rainy": "isRainy", "desc": "map"}
for id, kwargs in cases:
    options = {names[k]: "/".join(v) if k == "desc" else v for k, v in kwargs.items()}
    env = gym.make(id, render_mode="ansi", disable_env_checker=True, **kwargs)
    for seed in (0, 1, 12345, 4294967295):
        state, _ = env.reset(seed=seed)
        row = {"env": id, "options": options, "seed": seed, "actions": [], "states": [int(state)], "rewards": [],
               "terminated": [], "first_text": env.render()}
        for _ in range(60):
            a = rng.randrange(env.action_space.n)
            s, r, t, tr, _ = env.step(a)
            row["actions"].append(a)
            row["states"].append(int(s))
            row["rewards"].append(float(r))
            row["terminated"].append(bool(t))
            if t or tr:
                break
        row["last_text"] = env.render()
        print(json.dumps(row))
