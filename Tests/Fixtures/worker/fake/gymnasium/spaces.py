"""Spaces by the names that Gymnasium has for them."""


class Box:
    def __init__(self, low, high, shape, dtype):
        self.low, self.high, self.shape, self.dtype = low, high, shape, dtype


class Discrete:
    def __init__(self, n, start=0):
        self.n, self.start = n, start


class MultiBinary:
    def __init__(self, n):
        self.n, self.shape, self.dtype = n, (n,), "int8"


class MultiDiscrete:
    def __init__(self, nvec):
        self.nvec, self.shape, self.dtype = nvec, (len(nvec),), "int64"


class Dict:
    def __init__(self, spaces):
        self.spaces = spaces


class Tuple:
    def __init__(self, spaces):
        self.spaces = spaces


class Text:
    pass
