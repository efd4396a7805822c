/// The first half: how observations and actions become rows of numbers, and back.
extension WorkerSource {
  static let spaces = #"""
    """n copies of one Gymnasium environment, stepped together for the program at the other end of descriptor 3.

    Needs gymnasium; does without numpy where the environment does. A frame is length u32, operation u8, three bytes 0,
    then the payload, little-endian; GymnasiumWorker.swift holds the other end.
    """
    import array
    import importlib
    import json
    import math
    import os
    import pickle
    import select
    import socket
    import struct
    import sys
    import threading
    import traceback

    try:
        import numpy as np
    except ImportError:
        np = None

    HELLO, RESET, STEP, RENDER, STATE, RESTORE, CLOSE, ERROR = 0, 1, 2, 3, 4, 5, 6, 255
    HEADER = struct.Struct("<IBBH")
    USABLE = ("Box", "Discrete", "MultiBinary", "MultiDiscrete")
    MOST_COMBINATIONS = 4096
    LEAST_SEED_OF_TWO_WORDS = 1 << 31
    link = socket.socket(fileno=3)


    class Refusal(Exception):
        """What is no fault of the environment's code: kind, message."""

        def __init__(self, kind, message):
            super().__init__(message)
            self.kind = kind


    def leave_with_parent():
        """Ends this process as soon as nobody holds the other end, whatever an environment is doing meanwhile."""
        hung_up = select.POLLHUP | getattr(select, "POLLRDHUP", 0)
        poll = select.poll()
        poll.register(link.fileno(), hung_up)
        while True:
            for _, event in poll.poll():
                if event & (hung_up | select.POLLERR | select.POLLNVAL):
                    os._exit(0)


    # Spaces


    def kind_of(space):
        names = [base.__name__ for base in type(space).__mro__]
        known = (*USABLE, "Dict", "Tuple", "Text", "Graph", "Sequence", "OneOf")
        return next((name for name in names if name in known), type(space).__name__)


    def flat(values):
        """Any nesting of numbers as one list."""
        if np is not None:
            return np.asarray(values).reshape(-1).tolist()
        if hasattr(values, "__iter__"):
            return [number for part in values for number in flat(part)]
        return [values]


    def shape_of(values):
        if np is not None:
            return np.asarray(values).shape
        if hasattr(values, "shape"):
            return tuple(values.shape)
        return (len(values),) + (shape_of(values[0]) if len(values) else ()) if hasattr(values, "__len__") else ()


    def leaves(space, drop=(), path=()):
        """The parts of a space in the order of their values: path, kind, space."""
        kind = kind_of(space)
        if kind not in ("Dict", "Tuple"):
            return [(path, kind, space)]
        parts = space.spaces.items() if kind == "Dict" else enumerate(space.spaces)
        found = []
        for key, part in parts:
            inner = path + (key,)
            if ".".join(map(str, inner)) not in drop and str(key) not in drop:
                found += leaves(part, drop, inner)
        return found


    def named(path):
        return f'part "{".".join(map(str, path))}"' if path else "space"


    def bounds(space):
        size = math.prod(space.shape)
        low, high = flat(space.low), flat(space.high)
        return (low * size if len(low) == 1 else low), (high * size if len(high) == 1 else high)


    def check_shape(value, shape, what):
        if shape_of(value) != shape:
            raise Refusal("shape", f"{what} has shape {tuple(shape_of(value))}, its space has {shape}")


    def writer_of(path, kind, space):
        """low, high and a function that writes a value at a place of a row of numbers."""
        what = f"the observation's {named(path)}" if path else "the observation"
        shape = tuple(getattr(space, "shape", None) or ())
        if kind == "Box":
            size, is_row = math.prod(shape), len(shape) == 1

            def write_array(value, out, at):
                if type(value) is not np.ndarray:
                    value = np.asarray(value)
                if value.shape != shape:
                    check_shape(value, shape, what)
                out[at : at + size] = value if is_row else value.reshape(-1)

            def write_list(value, out, at):
                check_shape(value, shape, what)
                for place, number in enumerate(flat(value)):
                    out[at + place] = number

            return (*bounds(space), write_list if np is None else write_array)
        if kind == "MultiBinary":
            size = math.prod(shape)

            def write_bits(value, out, at):
                for place, number in enumerate(flat(value)):
                    out[at + place] = number

            return [0] * size, [1] * size, write_bits
        counts = [int(space.n)] if kind == "Discrete" else [int(n) for n in flat(space.nvec)]
        starts = flat(getattr(space, "start", None) if getattr(space, "start", None) is not None else 0)
        starts = [int(start) for start in starts] * (len(counts) if len(starts) == 1 else 1)
        size = sum(counts)

        def write_one_hot(value, out, at):
            for place in range(at, at + size):
                out[place] = 0
            for number, count, start in zip(flat(value), counts, starts):
                if not 0 <= number - start < count:
                    raise Refusal("shape", f"{what} is {number}, not one of {start} to {start + count - 1}")
                out[at + int(number) - start] = 1
                at += count

        return [0] * size, [1] * size, write_one_hot


    def image_shape(kind, space):
        """Height, width, channels and whether the channels come first; None where it is no picture."""
        if kind != "Box" or str(getattr(space, "dtype", "")) != "uint8" or len(space.shape) not in (2, 3):
            return None
        shape = tuple(int(size) for size in space.shape)
        if len(shape) == 2:
            return (*shape, 1), False
        if shape[2] > 4 >= shape[0] and shape[0] != 2:
            return (shape[1], shape[2], shape[0]), True
        return shape, False


    class Observations:
        """How observations become rows of numbers."""

        def __init__(self, space, form, drop):
            parts = leaves(space, drop)
            for path, kind, part in parts:
                if kind not in USABLE:
                    way = f'drop it: environment.drop = ["{path[-1]}"], or ' if path else ""
                    raise Refusal("space", f"the observation's {named(path)} is a {kind} space, of no fixed size; {way}"
                                  "put a wrapper around it that leaves it out: environment.pythonWrappers")
            if not parts:
                raise Refusal("space", "environment.drop leaves nothing of the observation")
            known = {".".join(map(str, path[:end])) for path, _, _ in leaves(space) for end in range(1, len(path) + 1)}
            known |= {str(key) for path, _, _ in leaves(space) for key in path}
            for name in drop:
                if name not in known:
                    raise Refusal("space", f'environment.drop: the observation has no part "{name}"; '
                                  f"there are {', '.join(sorted(known)) or 'none'}")
            path, kind, part = parts[0]
            picture = image_shape(kind, part) if form == "auto" and len(parts) == 1 else None
            self.parts = [(path, *writer_of(path, kind, part)) for path, kind, part in parts]
            self.is_image = picture is not None
            if picture:
                (height, width, channels), is_first = picture
                self.form = {"form": "image", "shape": [height, width, channels]}
                self.size = height * width * channels
                if is_first:
                    self.parts = [(path, 0, 255, self.channels_last(tuple(part.shape), self.size))]
            elif form == "auto" and len(parts) == 1 and kind == "Discrete":
                self.form, self.size, start = {"form": "index", "count": int(part.n)}, 1, int(getattr(part, "start", 0))

                def write_index(value, out, at):
                    if not 0 <= int(value) - start < int(part.n):
                        raise Refusal("shape", f"the observation is {value}, not one of {part.n} from {start} on")
                    out[at] = int(value) - start

                self.parts = [(path, 0, 1, write_index)]
            else:
                low = [number for _, low, _, _ in self.parts for number in low]
                high = [number for _, _, high, _ in self.parts for number in high]
                finite = [[number if math.isfinite(number) else None for number in side] for side in (low, high)]
                self.form, self.size = {"form": "vector", "low": finite[0], "high": finite[1]}, len(low)
            self.steps = []
            at = 0
            for path, low, _, write in self.parts:
                self.steps.append((path, write, at))
                at += 0 if isinstance(low, int) else len(low)
            self.single = self.parts[0][3] if len(self.parts) == 1 and not self.parts[0][0] else None

        def add_flags(self, count):
            """Room for flags behind the numbers."""
            if self.form["form"] != "vector":
                raise Refusal("space", "legal actions are told beside numbers" + (
                    '; set environment.illegalActions to "next"' if self.is_image
                    else ': set environment.observation to "vector"'))
            self.form["low"] += [0] * count
            self.form["high"] += [1] * count
            self.form["legal"] = self.size
            self.size += count

        @staticmethod
        def channels_last(shape, size):
            if np is None:
                raise Refusal("space", "pictures with the channels first need numpy")

            def write(value, out, at):
                value = np.asarray(value)
                check_shape(value, shape, "the observation")
                out[at : at + size] = value.transpose(1, 2, 0).reshape(-1)

            return write

        def write(self, value, out, at):
            if self.single:
                return self.single(value, out, at)
            for path, write, place in self.steps:
                part = value
                for key in path:
                    try:
                        part = part[key]
                    except (KeyError, IndexError, TypeError):
                        raise Refusal("shape", f"the observation has no {named(path)}") from None
                write(part, out, at + place)


    class Actions:
        """How rows of numbers become actions."""

        def __init__(self, space):
            parts = leaves(space)
            kinds = {kind for _, kind, _ in parts}
            self.space, self.names = space, iter(())
            if kinds == {"Box"}:
                sides = [bounds(part) for _, _, part in parts]
                low, high = ([number for side in sides for number in side[index]] for index in (0, 1))
                finite = [[number if math.isfinite(number) else None for number in side] for side in (low, high)]
                self.form = {"form": "box", "low": finite[0], "high": finite[1]}
                self.width, self.is_discrete = len(low), False
            elif kinds and kinds <= {"Discrete", "MultiBinary", "MultiDiscrete"}:
                self.radices = []
                for _, kind, part in parts:
                    self.radices += ([int(part.n)] if kind == "Discrete" else [2] * math.prod(part.shape)
                                     if kind == "MultiBinary" else [int(n) for n in flat(part.nvec)])
                count = math.prod(self.radices)
                if count > MOST_COMBINATIONS:
                    raise Refusal("space", f"the action space has {count} combinations; up to {MOST_COMBINATIONS} are "
                                  "taken as one discrete action; put a wrapper around the environment: "
                                  "environment.pythonWrappers")
                self.form, self.width, self.is_discrete = {"form": "discrete", "count": count}, 1, True
            else:
                strange = next((part for part in parts if part[1] not in USABLE), None)
                what = (f"the action's {named(strange[0])} is a {strange[1]} space" if strange
                        else "the action space mixes numbers and choices")
                raise Refusal("space", f"{what}, which no agent here can act in; put a wrapper around the environment: "
                              "environment.pythonWrappers")
            self.single = parts[0] if len(parts) == 1 and not parts[0][0] else None
            self.start = int(getattr(space, "start", 0)) if self.single and self.single[1] == "Discrete" else None

        def decode(self, body, at):
            """The action whose numbers stand at an offset of the body."""
            if self.start is not None:
                return INTEGER.unpack_from(body, at)[0] + self.start
            if not self.is_discrete:
                numbers = iter(struct.unpack_from(f"<{self.width}f", body, at))
                if self.single and np is not None and self.single[2].dtype == np.float32:
                    return np.frombuffer(body, np.float32, self.width, at).copy().reshape(self.single[2].shape)
            else:
                index, digits = INTEGER.unpack_from(body, at)[0], []
                for radix in reversed(self.radices):
                    digits.append(index % radix)
                    index //= radix
                numbers = iter(reversed(digits))
            return self.build(self.space, numbers)

        def build(self, space, numbers):
            kind = kind_of(space)
            if kind == "Dict":
                return {key: self.build(part, numbers) for key, part in space.spaces.items()}
            if kind == "Tuple":
                return tuple(self.build(part, numbers) for part in space.spaces)
            if kind == "Discrete":
                return next(numbers) + int(getattr(space, "start", 0))
            shape = tuple(space.shape)
            own = [next(numbers) for _ in range(math.prod(shape))]
            if kind == "MultiDiscrete":
                starts = flat(getattr(space, "start", None) if getattr(space, "start", None) is not None else 0)
                starts = starts * (len(own) if len(starts) == 1 else 1)
                own = [number + int(start) for number, start in zip(own, starts)]
            if np is None:
                return own
            values = np.asarray(own, np.float64 if kind == "Box" else np.int64).reshape(shape)
            if kind == "Box" and np.issubdtype(space.dtype, np.integer):
                values = np.rint(values)
            return values.astype(space.dtype)


    INTEGER = struct.Struct("<i")
    """#
}
