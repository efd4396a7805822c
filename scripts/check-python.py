#!/usr/bin/env python3
"""Runs the lines of docs/python.md on a checkpoint and compares what comes out with the program's own answers.

usage: scripts/check-python.py HEADING CHECKPOINT ANSWERS     (see check-python.sh)
  HEADING: of the section whose lines are run after the first ones; ANSWERS: the program's, a file
"""
import json
import math
import os
import re
import sys

import numpy as np


def lines(heading, checkpoint):
    """The first block, with the checkpoint's path, and that of the section."""
    text = open("docs/python.md").read()
    first = re.search(r"```python\n(.*?)```", text, re.S).group(1)
    start = r"^## (?:[^\n]*[ ,])?" + re.escape(heading) + r"(?=[,\n]).*?"
    section = re.search(start + r"```python\n(.*?)```", text, re.S | re.M).group(1)
    placed, count = re.subn(r'^checkpoint = ".*"$', f"checkpoint = {checkpoint!r}", first, flags=re.M)
    assert count == 1, "the line with the checkpoint is not there"
    return placed + section


def pets(run, answers):
    """The mean predictions for real transitions, elite by elite."""
    rows = [json.loads(line) for line in open(answers)]
    worst = 0.0
    for row in rows:
        observation, action = np.array(row["observation"]), np.array(row["action"])
        for member, found in zip(run["w"]["model.elites"], run["predict"](observation, action)):
            wanted = np.array(row["members"][member])
            worst = max(worst, float(np.max(np.abs(found - wanted) / np.maximum(np.abs(wanted), 1))))
    assert rows and worst < 1e-5, f"largest difference {worst}"
    return f"{len(rows)} transitions, largest difference {worst:.1e}"


def cart_pole(act, seed):
    """Gymnasium's CartPole-v1 in its own arithmetic: the length of the episode of that seed."""
    state = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).uniform(-0.05, 0.05, 4)
    x, v, angle, turn = (float(number) for number in state)
    for step in range(1, 501):
        force = 10.0 if act(np.array([x, v, angle, turn], dtype=np.float32)) == 1 else -10.0
        cosine, sine = math.cos(angle), math.sin(angle)
        temporary = (force + 0.05 * turn**2 * sine) / 1.1
        turning = (9.8 * sine - cosine * temporary) / (0.5 * (4.0 / 3.0 - 0.1 * cosine**2 / 1.1))
        acceleration = temporary - 0.05 * turning * cosine / 1.1
        x, v, angle, turn = x + 0.02 * v, v + 0.02 * acceleration, angle + 0.02 * turn, turn + 0.02 * turning
        if abs(x) > 2.4 or abs(angle) > 12 * 2 * math.pi / 360:
            break
    return step


def dyna(run, answers):
    """The lengths of episodes, played here."""
    rows = [line.split(",") for line in open(answers).read().split()]
    seed, length = rows[0].index("episode_seed"), rows[0].index("length")
    wanted = [int(row[length]) for row in rows[1:]]
    found = [cart_pole(run["act"], int(row[seed])) for row in rows[1:]]
    assert wanted and found == wanted, f"{found} instead of {wanted}"
    return f"{len(found)} episodes of the same lengths: {found}"


def line_world(run, answers):
    """The return of the only episode that there is, played here."""
    rows = [line.split(",") for line in open(answers).read().split()]
    wanted = float(rows[1][rows[0].index("return")])
    position, total = 3.0, 0.0
    for _ in range(20):
        total -= abs(position - 7)
        position = min(max(position + float(run["act"](np.array([position]), -1.0, 1.0)[0]), 0), 10)
    assert abs(total - wanted) < 1e-4, f"{total} instead of {wanted}"
    return f"the return {total:.4f}"


def served(run, answers, checkpoint):
    """The return of the only episode that there is, played here, twice, with the program's answers."""
    rows = [line.split(",") for line in open(answers).read().split()]
    wanted = float(rows[1][rows[0].index("return")])
    policy = run["Policy"](checkpoint, program=os.environ["mbrl"])
    totals = []
    for _ in range(2):
        position, total = 3.0, 0.0
        for step in range(20):
            action = policy.act([position], first=step == 0)
            total -= abs(position - 7)
            position = min(max(position + float(np.clip(action[0], -1, 1)), 0), 10)
        totals.append(total)
    try:
        policy.act([1.0, 2.0])
        raise AssertionError("two numbers were taken for one")
    except ValueError as error:
        assert "expected 1 numbers, found 2" in str(error), error
    assert policy.close() == 0
    assert abs(totals[0] - wanted) < 1e-4, f"{totals[0]} instead of {wanted}"
    return f"the return {totals[0]:.4f}, then {totals[1]:.4f}"


def table(run, answers):
    """The greedy path through a grid that never slips: as long as the program's."""
    rows = [line.split(",") for line in open(answers).read().split()]
    wanted = int(rows[1][rows[0].index("length")])
    state, steps = 0, 0
    while state != 15 and steps < 100:  # FrozenLake's 4x4 without slipping: left, down, right, up
        row, column = divmod(state, 4)
        action = run["act"](state)
        row = min(max(row + (action == 1) - (action == 3), 0), 3)
        column = min(max(column + (action == 2) - (action == 0), 0), 3)
        state, steps = 4 * row + column, steps + 1
    assert steps == wanted, f"{steps} steps instead of {wanted}"
    return f"the greedy path of {steps} steps"


def main(heading, checkpoint, answers):
    run = {}
    exec(lines(heading, checkpoint), run)
    checks = {"dyna-q": table, "dyna": dyna, "dqn": dyna, "pets": pets}
    if heading == "serve":
        print(f"{heading}: {served(run, answers, checkpoint)}")
        return
    check = checks.get(heading, line_world)
    print(f"{heading}: {check(run, answers)}")


main(*sys.argv[1:])
