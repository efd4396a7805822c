"""Imagined updates of tabular Dyna-Q per second in Python, on Taxi-v4, for dyna-updates.sh.

    dyna_updates.py loop|numpy TABLE.jsonl SECONDS

TABLE: the environment's transition table, as in Tests/Fixtures/gymnasium. The model holds the first outcome of every
pair that can be reached, as after long random acting. Prints updates per second of one thread.

loop:  the loop of introductory texts: a dictionary from (state, action) to (reward, next state), and for every planning
       step a list of all its keys to draw one from.
numpy: the model as arrays; 50 pairs are drawn at once and updated together, so that the updates of a batch do not see
       each other and of a pair drawn twice the last counts. Faster, and not quite the same algorithm.
"""
import json
import sys
import time

import numpy as np

ALPHA, GAMMA, BATCH = 0.1, 0.99, 50


def read(path):
    """states, actions, and (state, action, reward, next state, ended) of every pair reached from the initial states."""
    with open(path) as file:
        table, *rows = map(json.loads, file)
    outcome = {(row["state"], row["action"]): row["outcomes"][0] for row in rows}
    states, actions = table["observation_space"]["discrete"], table["action_space"]["discrete"]
    reached, open_states = set(), [int(state) for state in table["initial"]]
    pairs = []
    while open_states:
        state = open_states.pop()
        if state in reached:
            continue
        reached.add(state)
        for action in range(actions):
            o = outcome[state, action]
            pairs.append((state, action, o["reward"], o["next_state"], o["terminated"]))
            if not o["terminated"]:
                open_states.append(o["next_state"])
    return states, actions, pairs


def plan_by_loop(states, actions, pairs):
    q = np.zeros((states + 1, actions))  # the last row: after the end, worth nothing
    model = {(s, a): (r, states if ended else n) for s, a, r, n, ended in pairs}

    def run(updates):
        for _ in range(updates):
            state, action = list(model.keys())[np.random.randint(len(model))]
            reward, next_state = model[(state, action)]
            target = reward + GAMMA * np.max(q[next_state])
            q[state, action] += ALPHA * (target - q[state, action])
        return updates

    return run


def plan_by_numpy(states, actions, pairs):
    q = np.zeros((states + 1, actions))
    place = np.array([s * actions + a for s, a, _, _, _ in pairs])
    reward = np.array([r for _, _, r, _, _ in pairs])
    following = np.array([states if ended else n for _, _, _, n, ended in pairs])
    flat, random = q.reshape(-1), np.random.default_rng(0)

    def run(updates):
        for _ in range(0, updates, BATCH):
            drawn = random.integers(len(place), size=BATCH)
            target = reward[drawn] + GAMMA * q[following[drawn]].max(axis=1)
            pair = place[drawn]
            flat[pair] += ALPHA * (target - flat[pair])
        return -(-updates // BATCH) * BATCH

    return run


def main(kind, path, seconds):
    np.random.seed(0)
    run = {"loop": plan_by_loop, "numpy": plan_by_numpy}[kind](*read(path))
    run(100)
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        done += run(1000)
    print(done / (time.process_time() - start))


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
