"""The part of Gymnasium's interface that a worker uses, without numpy, and environments that fail as they are told."""
import os
import sys
import time

from . import spaces

__version__ = "fake"


class Spec:
    def __init__(self, limit):
        self.max_episode_steps, self.reward_threshold, self.nondeterministic = limit, 3.5, False


class Point:
    """A point that is pushed along a line; kwargs say what goes wrong, and when."""

    metadata = {"render_fps": 20}

    def __init__(self, fault="", at=3, once="", observation="box", action="discrete", limit=15, mask="step",
                 success="", render_mode=None):
        self.fault, self.at, self.once, self.total = fault, at, once, 0
        self.render_mode, self.limit, self.spec, self.success = render_mode, limit, Spec(limit), success
        box = spaces.Box([-9.0, -9.0], [9.0, 9.0], (2,), "float32")
        self.observation_space = {
            "box": box, "index": spaces.Discrete(8, 2), "image": spaces.Box(0, 255, (4, 5, 3), "uint8"),
            "text": spaces.Text(), "bits": spaces.MultiBinary(3), "several": spaces.MultiDiscrete([3, 4]),
            "dict": spaces.Dict({"a": box, "b": spaces.Discrete(3, 1), "note": spaces.Text()}),
            "tuple": spaces.Tuple([spaces.Discrete(3), box])}[observation]
        self.action_space = {
            "discrete": spaces.Discrete(3, -1), "box": spaces.Box([-1.0], [1.0], (1,), "float32"),
            "unbounded": spaces.Box([-float("inf")], [float("inf")], (1,), "float32"), "text": spaces.Text(),
            "several": spaces.MultiDiscrete([3, 2]), "many": spaces.MultiDiscrete([100, 100]),
            "mixed": spaces.Tuple([spaces.Discrete(3), box]),
            "dict": spaces.Dict({"x": spaces.Box([-1.0], [1.0], (1,), "float32"),
                                 "y": spaces.Box([-2.0, -2.0], [2.0, 2.0], (2,), "float32")})}[action]
        self.observation, self.action, self.mask = observation, action, mask
        print("a point is made")
        if fault == "make":
            raise ValueError("no point today")
        if fault == "make hangs":
            time.sleep(600)

    def view(self):
        place = max(0, min(7, int(self.position + 4)))
        return {
            "box": [self.position, self.speed], "index": place + 2, "image": [[[place * 30] * 3] * 5] * 4,
            "text": "there", "bits": [place & 1, place >> 1 & 1, place >> 2], "several": [place % 3, place % 4],
            "dict": {"a": [self.position, self.speed], "b": 1 + place % 3, "note": "here"},
            "tuple": (place % 3, [self.position, self.speed])}[self.observation]

    def fail(self):
        print("something is wrong with the point", file=sys.stderr)
        if self.once:
            if os.path.exists(self.once):
                return
            open(self.once, "w").close()
        if self.fault == "raise":
            raise ValueError("the point is lost")
        if self.fault == "exit":
            os._exit(3)
        if self.fault == "sys.exit":
            sys.exit("the point leaves")
        if self.fault == "kill":
            os.kill(os.getpid(), 9)
        if self.fault == "hang":
            time.sleep(600)
        if self.fault == "memory":
            raise MemoryError("no room for a point")

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.state = seed % 2147483648
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        self.position, self.speed, self.steps = self.state / 1073741824 - 1, 0.0, 0
        if self.fault == "reset":
            raise ValueError("the point does not begin")
        if options:
            self.position = options["position"]
        return self.view(), {"action_mask": self.legal()} if self.mask == "always" else {}

    def legal(self):
        """The middle one never at even steps, the first one never at odd ones."""
        return [1, 0, 1] if self.mask == "step" or self.steps % 2 == 0 else [0, 1, 1]

    def step(self, action):
        if self.action == "dict":
            force = action["x"][0] + action["y"][1]
        elif self.action == "several":
            force = action[0] - 1 + action[1] * 0.5
        else:
            force = action[0] if hasattr(action, "__len__") else action
        self.steps += 1
        self.total += 1
        if self.fault == "noise":
            print("rubbish " * 50)
            os.write(1, b"\x00\x01\x02" * 5000)
        elif self.total == self.at:
            self.fail()
        self.speed += 0.25 * force
        self.position += 0.125 * self.speed
        view = self.view()
        if self.total == self.at:
            view = {"shape": [self.position], "nan": [float("nan"), self.speed]}.get(self.fault, view)
        reward = float("nan") if self.fault == "reward" and self.total == self.at else -self.position * self.position
        if self.fault == "old":
            return view, reward, False, {}
        info = {"action_mask": self.legal()}
        if self.success:
            info[self.success] = self.position > 0
        return view, reward, abs(self.position) > 3, self.limit is not None and self.steps >= self.limit, info

    def render(self):
        if self.fault == "blind":
            return None
        return [[[10 * row, 20, 30] for _ in range(4)] for row in range(3)]

    def close(self):
        print("a point is closed")


class Pusher:
    """A wrapper that moves every observation."""

    def __init__(self, env, by=1):
        self.env, self.by = env, by

    def __getattr__(self, name):
        return getattr(self.__dict__["env"], name)

    def reset(self, **options):
        observation, info = self.env.reset(**options)
        return [observation[0] + self.by, observation[1]], info

    def step(self, action):
        observation, *rest = self.env.step(action)
        return ([observation[0] + self.by, observation[1]], *rest)


def make(name, disable_env_checker=None, max_episode_steps=None, **kwargs):
    if name != "Point-v0":
        raise LookupError(f"Environment `{name}` doesn't exist.")
    if max_episode_steps is not None:
        kwargs["limit"] = max_episode_steps if max_episode_steps > 0 else None
    return Point(**kwargs)
