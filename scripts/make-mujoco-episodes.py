#!/usr/bin/env python3
"""Episodes of Gymnasium's MuJoCo tasks with other options than the standard ones, by their digests, in the form of
Tests/Fixtures/mujoco/episodes.jsonl. Needs gymnasium[mujoco] 1.4.0, mujoco 4.0.0 and numpy 2.4.6.

usage: scripts/make-mujoco-episodes.py > Tests/Fixtures/mujoco/options.jsonl
"""
import hashlib
import json

import gymnasium
import numpy as np

STEPS = 60
POSITIONS = {"exclude_current_positions_from_observation": False}
CASES = [
    ("HalfCheetah-v5", {"forward_reward_weight": 0.7, "ctrl_cost_weight": 0.03, "reset_noise_scale": 0.02,
                        "frame_skip": 3, **POSITIONS}),
    ("Hopper-v5", {"forward_reward_weight": 1.3, "ctrl_cost_weight": 0.017, "healthy_reward": 0.6,
                   "healthy_state_range": [-30.0, 30.0], "healthy_z_range": [0.9, 1.4],
                   "healthy_angle_range": [-0.1, 0.15], "reset_noise_scale": 0.01, "frame_skip": 5, **POSITIONS}),
    ("Walker2d-v5", {"forward_reward_weight": 1.3, "ctrl_cost_weight": 0.017, "healthy_reward": 0.6,
                     "healthy_z_range": [1.0, 1.6], "healthy_angle_range": [-0.4, 0.3],
                     "terminate_when_unhealthy": False, "reset_noise_scale": 0.01, **POSITIONS}),
    ("Ant-v5", {"forward_reward_weight": 1.3, "ctrl_cost_weight": 0.17, "contact_cost_weight": 0.003,
                "healthy_reward": 0.6, "healthy_z_range": [0.3, 0.9], "contact_force_range": [-0.5, 2.0],
                "reset_noise_scale": 0.05, **POSITIONS}),
    ("Ant-v5", {"include_cfrc_ext_in_observation": False, "terminate_when_unhealthy": False}),
    ("Humanoid-v5", {"forward_reward_weight": 1.1, "ctrl_cost_weight": 0.3, "contact_cost_weight": 3e-5,
                     "contact_cost_range": [0.5, 2.0], "healthy_reward": 4.0, "healthy_z_range": [1.1, 1.9],
                     "terminate_when_unhealthy": False, "reset_noise_scale": 0.02, **POSITIONS}),
    ("Humanoid-v5", {"include_cinert_in_observation": False, "include_cvel_in_observation": False,
                     "include_qfrc_actuator_in_observation": False, "include_cfrc_ext_in_observation": False}),
    ("Humanoid-v5", {"include_cvel_in_observation": False}),
    ("InvertedPendulum-v5", {"reset_noise_scale": 0.05, "frame_skip": 3}),
    ("InvertedDoublePendulum-v5", {"healthy_reward": 7.0, "reset_noise_scale": 0.02}),
    ("Reacher-v5", {"reward_dist_weight": 0.7, "reward_control_weight": 0.3, "frame_skip": 3}),
    ("Pusher-v5", {"reward_near_weight": 0.7, "reward_dist_weight": 1.3, "reward_control_weight": 0.03}),
    ("Swimmer-v5", {"forward_reward_weight": 1.3, "ctrl_cost_weight": 0.017, "reset_noise_scale": 0.02, **POSITIONS}),
]


def digest(rows, kind="<f8"):
    flat = np.concatenate([np.asarray(row, float).ravel() for row in rows])
    return hashlib.sha256(flat.astype(kind).tobytes()).hexdigest()


def state(environment, name):
    task = environment.unwrapped
    parts = [task.data.qpos, task.data.qvel, task.data.qacc_warmstart]
    if name == "Ant-v5":
        parts.append(task.data.body(1).xpos[:2])
    if name == "Humanoid-v5":
        masses = np.expand_dims(task.model.body_mass, axis=1)
        parts.append((np.sum(masses * task.data.xipos, axis=0) / np.sum(masses))[:2])
    return np.concatenate([np.array(part) for part in parts])


for number, (name, options) in enumerate(CASES):
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    environment = gymnasium.make(name, **arguments)
    seed, action_seed = 50 + number, 5000 + number
    actions = np.random.default_rng(action_seed)
    low, high = (bound.astype(float) for bound in (environment.action_space.low, environment.action_space.high))
    observation, _ = environment.reset(seed=seed)
    states, observations, rewards = [state(environment, name)], [observation], []
    terminated = truncated = False
    while len(rewards) < STEPS and not terminated and not truncated:
        action = actions.uniform(low, high).astype(np.float32)
        observation, reward, terminated, truncated, _ = environment.step(action)
        states.append(state(environment, name))
        observations.append(observation)
        rewards.append(float(reward))
    total = 0.0
    for reward in rewards:
        total += reward
    print(json.dumps({
        "kind": "episode", "env": name, "options": options, "seed": seed, "action_seed": action_seed,
        "steps": len(rewards), "terminated": bool(terminated), "truncated": bool(truncated), "return": total,
        "state_sha256": digest(states), "observation_sha256": digest(observations),
        "observation_float32_sha256": digest(observations, "<f4"), "reward_sha256": digest(rewards)}))
