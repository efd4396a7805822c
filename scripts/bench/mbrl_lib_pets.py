"""mbrl-lib's PETS on its continuous cart-pole at its shipped settings; prints step,wall_s,episode_return as CSV.

usage: mbrl_lib_pets.py STEPS SEED      STEPS: real steps after the 200 random ones
"""
import sys
import tempfile
import time

import numpy as np
import omegaconf
import torch

import mbrl.algorithms.pets as pets
import mbrl.env.cartpole_continuous as cartpole
import mbrl.env.reward_fns
import mbrl.env.termination_fns
import gymnasium

steps, seed = int(sys.argv[1]), int(sys.argv[2])


class Timed(gymnasium.Wrapper):
    """Prints a row at every episode's end."""

    begin, taken, total = None, -200, 0.0

    def step(self, action):
        if self.taken == 0:
            self.begin = time.perf_counter()
        result = self.env.step(action)
        self.taken += 1
        self.total += result[1]
        if self.taken > 0 and (result[2] or result[3] or self.taken % 10 == 0):
            over = result[2] or result[3]
            elapsed = time.perf_counter() - self.begin
            print(f"{self.taken},{elapsed:.3f},{self.total if over else ''}", flush=True)
        if result[2] or result[3]:
            self.total = 0.0
        return result


configuration = omegaconf.OmegaConf.create({
    "seed": seed, "device": "cpu", "debug_mode": False,
    "algorithm": {
        "name": "pets", "normalize": True, "normalize_double_precision": True, "target_is_delta": True,
        "initial_exploration_steps": 200, "freq_train_model": 50, "learned_rewards": False, "num_particles": 20,
        "agent": {
            "_target_": "mbrl.planning.TrajectoryOptimizerAgent", "_recursive_": False,
            "action_lb": "???", "action_ub": "???", "planning_horizon": 15, "replan_freq": 1, "verbose": False,
            "optimizer_cfg": {
                "_target_": "mbrl.planning.CEMOptimizer", "num_iterations": 5, "elite_ratio": 0.1,
                "population_size": 350, "alpha": 0.1, "lower_bound": "???", "upper_bound": "???",
                "return_mean_elites": True, "device": "cpu", "clipped_normal": False}}},
    "dynamics_model": {
        # Newer Hydras would build the activation too, which mbrl-lib does itself.
        "_target_": "mbrl.models.GaussianMLP", "_recursive_": False, "device": "cpu", "num_layers": 4,
        "in_size": "???", "out_size": "???", "ensemble_size": 5,
        "hid_size": 200, "deterministic": False, "propagation_method": "random_model",
        "learn_logvar_bounds": False, "activation_fn_cfg": {"_target_": "torch.nn.SiLU"}},
    "overrides": {
        "env": "cartpole_continuous", "learned_rewards": False, "trial_length": 200, "num_steps": steps,
        "num_elites": 5, "model_lr": 7.5e-4, "model_wd": 3e-5, "model_batch_size": 256, "validation_ratio": 0,
        "freq_train_model": 50, "patience": 25, "num_epochs_train_model": 25},
})
np.random.seed(seed)
torch.manual_seed(seed)
environment = Timed(gymnasium.wrappers.TimeLimit(cartpole.CartPoleEnv(), max_episode_steps=200))
environment.reset(seed=seed)
print("step,wall_s,episode_return", flush=True)
pets.train(
    environment, mbrl.env.termination_fns.cartpole, mbrl.env.reward_fns.cartpole, configuration, silent=True,
    work_dir=tempfile.mkdtemp())
