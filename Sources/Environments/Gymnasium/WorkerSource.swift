/// The program of a worker, in Python: its second half, what it does.
enum WorkerSource {
  /// The whole of it.
  static let text = spaces + "\n\n" + environments

  private static let environments = #"""
    # The environments


    def load(name):
        """What "module:Name" names."""
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(module), attribute)


    def fitted(picture, side):
        """A picture as large as it fits into a white square, pixels averaged or repeated."""
        height, width = picture.shape[:2]
        largest = max(height, width)
        rows, columns = max(1, height * side // largest), max(1, width * side // largest)
        down, right = np.arange(rows) * height // rows, np.arange(columns) * width // columns
        if side >= largest:
            small = picture[down][:, right]
        else:  # in integers, for the same bytes everywhere
            sums = np.add.reduceat(np.add.reduceat(picture.astype(np.uint32), down, axis=0), right, axis=1)
            areas = np.outer(np.diff(down, append=height), np.diff(right, append=width))[:, :, None]
            small = (sums + areas // 2) // areas
        square = np.full((side, side, 3), 255, np.uint8)
        top, left = (side - rows) // 2, (side - columns) // 2
        square[top : top + rows, left : left + columns] = small
        return square


    def success_flags(info):
        """4 where a step's information speaks of success, and 8 where it says yes."""
        for name in ("is_success", "success"):
            try:
                return 12 if info[name] else 4
            except (KeyError, TypeError, ValueError):  # not told, or told of several things
                pass
        return 0


    class Pictures:
        """An environment whose own picture is what is observed."""

        def __init__(self, env, side, space):
            self.env, self.side, self.observation_space = env, side, space

        def __getattr__(self, name):
            if name == "env" or name.startswith("__"):  # while a pickle is read
                raise AttributeError(name)
            return getattr(self.env, name)

        def picture(self):
            picture = self.env.render()
            picture = picture[-1] if isinstance(picture, list) and len(shape_of(picture)) == 4 else picture
            shape = () if picture is None else tuple(shape_of(picture))
            if len(shape) != 3 or shape[2] != 3:
                raise Refusal("shape", f"render gave {'nothing' if picture is None else f'an array of shape {shape}'} "
                              "in place of a picture; remove environment.wrappers.pixels")
            return fitted(np.asarray(picture, np.uint8), self.side)

        def reset(self, **options):
            _, info = self.env.reset(**options)
            return self.picture(), info

        def step(self, action):
            _, *rest = self.env.step(action)
            return (self.picture(), *rest)


    class Worker:
        def __init__(self, hello):
            self.hello = hello
            os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
            if hello["draws"] and "DISPLAY" not in os.environ:
                os.environ.setdefault("PYOPENGL_PLATFORM", os.environ.setdefault("MUJOCO_GL", "egl"))
            for name in hello["imports"]:
                importlib.import_module(name)
            self.gymnasium = importlib.import_module("gymnasium")
            self.environments = [self.make() for _ in range(hello["count"])]
            first = self.environments[0]
            self.observations = Observations(first.observation_space, hello["observation"], hello["drop"])
            self.actions = Actions(first.action_space)
            self.lane, self.counts = 0, [0] * hello["count"]
            self.masks = [None] * hello["count"]
            self.takes_next = hello["illegalActions"] != "given" and self.actions.is_discrete
            self.shows_legal = hello["illegalActions"] == "masked"
            if self.shows_legal:
                if not self.actions.is_discrete:
                    raise Refusal("space", "of actions in a box all are legal; remove environment.illegalActions")
                self.observations.add_flags(self.actions.form["count"])
            self.seed_limit = 0
            self.is_stateful = None
            self.replies = {}

        def make(self):
            hello = self.hello
            arguments = dict(hello["kwargs"])
            if hello["draws"]:
                arguments["render_mode"] = "rgb_array"
            if hello["stepLimit"] is not None:
                arguments["max_episode_steps"] = hello["stepLimit"]
            environment = self.gymnasium.make(hello["id"], disable_env_checker=True, **arguments)
            for wrapper in hello["wrappers"]:
                # JSON has no tuples, and wrappers ask for such.
                arguments = {name: tuple(value) if isinstance(value, list) else value
                             for name, value in wrapper["kwargs"].items()}
                environment = load(wrapper["name"])(environment, **arguments)
            if hello["pixels"]:
                if np is None:
                    raise Refusal("space", "pictures as observations need numpy; remove environment.wrappers.pixels")
                side = hello["pixels"]
                space = self.gymnasium.spaces.Box(0, 255, (side, side, 3), np.dtype(np.uint8))
                environment = Pictures(environment, side, space)
            return environment

        def describe(self):
            environment = self.environments[0]
            spec, metadata = getattr(environment, "spec", None), getattr(environment, "metadata", None) or {}
            versions = {"python": sys.version.split()[0], "gymnasium": str(getattr(self.gymnasium, "__version__", "?"))}
            origin = type(getattr(environment, "unwrapped", environment)).__module__.partition(".")[0]
            for name in [*self.hello["imports"], origin, "mujoco", "numpy"]:
                module = sys.modules.get(name)
                version = getattr(module, "__version__", None)
                if isinstance(version, str):
                    versions.setdefault(name, version)
            threshold, rate = getattr(spec, "reward_threshold", None), metadata.get("render_fps")
            limit = getattr(spec, "max_episode_steps", None)
            if self.hello["stepLimit"] is not None:
                limit = None
            return {"versions": versions, "executable": sys.executable, "limit": limit,
                    "threshold": float(threshold) if threshold is not None else None,
                    "nondeterministic": bool(getattr(spec, "nondeterministic", False)),
                    "framesPerSecond": int(rate) if rate else 30,
                    "observation": self.observations.form, "action": self.actions.form}

        def reply(self, operation, count):
            """Memory of a reply about so many copies: the whole of it, rewards, flags, rows of observations."""
            key = (operation, count)
            if key not in self.replies:
                numbers = 0 if operation == RESET else 8 * count
                flags = 0 if operation == RESET else count + -count % 8
                width = 1 if self.observations.is_image else 4
                total = HEADER.size + numbers + flags + count * self.observations.size * width
                memory = bytearray(total)
                HEADER.pack_into(memory, 0, total - HEADER.size, operation, 0, 0)
                view, start = memoryview(memory), HEADER.size
                rewards, start = view[start : start + numbers].cast("d"), start + numbers
                marks, start = view[start : start + flags], start + flags
                if np is None:
                    rows = view[start:] if self.observations.is_image else view[start:].cast("f")
                else:
                    rows = np.frombuffer(memory, np.uint8 if self.observations.is_image else np.float32, offset=start)
                self.replies[key] = (memory, rewards, marks, rows)
            return self.replies[key]

        def note_mask(self, lane, info):
            mask = info.get("action_mask") if isinstance(info, dict) else None
            if mask is None:
                masks = getattr(getattr(self.environments[lane], "unwrapped", None), "action_masks", None)
                mask = masks() if callable(masks) else None
            self.masks[lane] = mask

        def reset(self, body):
            count = struct.unpack_from("<I", body)[0]
            memory, _, _, rows = self.reply(RESET, count)
            for place in range(count):
                lane, _, seed = struct.unpack_from("<IIQ", body, 8 + 16 * place)
                self.lane, self.counts[lane] = lane, 0
                result = self.seeded_reset(self.environments[lane], seed)
                if not isinstance(result, tuple) or len(result) != 2:
                    raise Refusal("interface", "reset gave no pair of observation and information: " + OLD_GYM)
                self.observations.write(result[0], rows, place * self.observations.size)
                if self.takes_next:
                    self.note_mask(lane, result[1])
                if self.shows_legal:
                    self.write_mask(lane, rows, (place + 1) * self.observations.size)
            return memory

        def seeded_reset(self, environment, seed):
            """With the seed, or with its lower 31 bits where the environment takes no larger ones."""
            options = {"options": self.hello["resetOptions"]} if self.hello["resetOptions"] else {}
            if self.seed_limit or seed < LEAST_SEED_OF_TWO_WORDS:
                return environment.reset(seed=seed % self.seed_limit if self.seed_limit else seed, **options)
            try:
                return environment.reset(seed=seed, **options)
            except (ValueError, OverflowError) as error:
                try:
                    result = environment.reset(seed=seed % LEAST_SEED_OF_TWO_WORDS, **options)
                except Exception:
                    raise error from None
                self.seed_limit = LEAST_SEED_OF_TWO_WORDS
                return result

        def step(self, body):
            count = struct.unpack_from("<I", body)[0]
            lanes = struct.unpack_from(f"<{count}I", body, 8)
            at = 8 + 4 * count + (-4 * count) % 8
            memory, rewards, flags, rows = self.reply(STEP, count)
            decode, write = self.actions.decode, self.observations.single or self.observations.write
            start, takes_next, shows_legal = self.actions.start, self.takes_next, self.shows_legal
            choices = None if start is None else struct.unpack_from(f"<{count}i", body, at)
            environments, counts = self.environments, self.counts
            bytes_per_action, size = 4 * self.actions.width, self.observations.size
            for place in range(count):
                lane = self.lane = lanes[place]
                counts[lane] += 1
                action = decode(body, at + place * bytes_per_action) if choices is None else choices[place] + start
                if takes_next:
                    action = self.legal(lane, action)
                result = environments[lane].step(action)
                try:
                    observation, reward, terminated, truncated, info = result
                except (TypeError, ValueError):
                    raise Refusal("interface", "step gave no observation, reward, terminated, truncated and "
                                  "information: " + OLD_GYM) from None
                rewards[place] = float(reward)
                flags[place] = (1 if terminated else 0) | (2 if truncated else 0) | success_flags(info)
                write(observation, rows, place * size)
                if takes_next:
                    self.note_mask(lane, info)
                if shows_legal:
                    self.write_mask(lane, rows, (place + 1) * size)
            return memory

        def write_mask(self, lane, rows, end):
            """The legal actions as flags, at the end of a row."""
            mask, count = self.masks[lane], self.actions.form["count"]
            if mask is None or len(mask) != count:
                told = "nobody tells" if mask is None else f"{len(mask)} flags, for {count} actions, tell"
                raise Refusal("interface", f"{told} which actions are legal, as info[\"action_mask\"] or a method "
                              "action_masks() would; remove environment.illegalActions")
            for place, flag in enumerate(mask, end - count):
                rows[place] = 1 if flag else 0

        def legal(self, lane, action):
            """The next legal action, from the one that was given on, round and round."""
            mask, start = self.masks[lane], self.actions.start or 0
            if mask is None or not any(mask):
                return action
            count = self.actions.form["count"]
            places = range(action - start, action - start + count)
            return next(start + place % count for place in places if mask[place % count])

        def render(self, body):
            self.lane = struct.unpack_from("<I", body)[0]
            try:
                picture = self.environments[self.lane].render()
            except Exception:  # no reason to end
                traceback.print_exc()
                return b""
            if isinstance(picture, list) and picture and len(shape_of(picture[-1])) == 3:
                picture = picture[-1]
            shape = () if picture is None else tuple(shape_of(picture))
            if len(shape) != 3 or shape[2] != 3:
                print(f"render gave an array of shape {shape} in place of a picture", file=sys.stderr)
                return b""
            pixels = bytes(flat(picture)) if np is None else np.ascontiguousarray(picture, np.uint8).tobytes()
            return struct.pack("<II", shape[0], shape[1]) + pixels

        def keeps_state(self):
            """Whether a pickled copy goes on as the original does: tried once, on environments of their own."""
            def outlook(environment):
                rows = array.array("f", bytes(4 * self.observations.size * 6))
                out, rewards = np.frombuffer(rows, np.float32) if np is not None else rows, []
                for step in range(6):
                    blank = struct.pack("<i", 0) if self.actions.is_discrete else bytes(4 * self.actions.width)
                    observation, reward, terminated, truncated, _ = environment.step(self.actions.decode(blank, 0))
                    rewards.append((float(reward), bool(terminated), bool(truncated)))
                    self.observations.write(observation, out, step * self.observations.size)
                    if terminated or truncated:
                        break
                return bytes(rows), rewards

            try:
                environment = layer = self.make()
                while layer is not None:
                    # Such a pickle is the call of the constructor alone.
                    if any(base.__name__ == "EzPickle" for base in type(layer).__mro__):
                        if "__getstate__" not in type(layer).__dict__:
                            return False
                    layer = layer.__dict__.get("env")
                self.seeded_reset(environment, 5)
                blank = struct.pack("<i", 0) if self.actions.is_discrete else bytes(4 * self.actions.width)
                for _ in range(2):
                    if any(environment.step(self.actions.decode(blank, 0))[2:4]):
                        self.seeded_reset(environment, 6)
                copy = pickle.loads(pickle.dumps(environment))
                return outlook(copy) == outlook(environment)
            except Exception:
                return False

        def state(self, body):
            """A pickle of one copy; empty where such a one would not be the whole of it."""
            self.lane = struct.unpack_from("<I", body)[0]
            if self.is_stateful is None:
                self.is_stateful = self.keeps_state()
            if not self.is_stateful:
                return b""
            try:
                return pickle.dumps((self.counts[self.lane], self.masks[self.lane], self.environments[self.lane]))
            except Exception:
                return b""

        def restore(self, body):
            """Nothing where it worked."""
            self.lane = struct.unpack_from("<I", body)[0]
            try:
                count, mask, environment = pickle.loads(memoryview(body)[8:])
            except Exception:
                return b"\x01"
            self.counts[self.lane], self.masks[self.lane], self.environments[self.lane] = count, mask, environment
            return b""


    OLD_GYM = ("it speaks the interface of the old gym package; put shimmy's compatibility wrapper around it, or use a "
               "version for Gymnasium")


    # The conversation


    def send(operation, payload):
        link.sendall(HEADER.pack(len(payload), operation, 0, 0) + payload)


    def requests():
        """Operation and payload of every frame that comes."""
        memory = bytearray(1 << 16)
        while True:
            have = 0
            while have < HEADER.size:
                have += receive(memoryview(memory)[have:])
            length, operation, _, _ = HEADER.unpack_from(memory)
            if HEADER.size + length > len(memory):
                memory = memory[:have] + bytearray(HEADER.size + length - have)
            while have < HEADER.size + length:
                have += receive(memoryview(memory)[have:])
            yield operation, memoryview(memory)[HEADER.size : HEADER.size + length]


    def receive(view):
        got = link.recv_into(view)
        if not got:
            os._exit(0)
        return got


    def fail(error, doing, worker):
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        if isinstance(error, Refusal) or type(error).__module__ == "gymnasium.error" and doing == "made":
            lines = []  # the message says it all
        lane = getattr(worker, "lane", 0)
        step = worker.counts[lane] if worker else 0
        send(ERROR, json.dumps({
            "kind": getattr(error, "kind", "missing" if isinstance(error, ModuleNotFoundError) else "raised"),
            "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
            "doing": doing, "lane": lane, "step": step, "python": sys.version.split()[0], "executable": sys.executable,
            "message": str(error) if isinstance(error, Refusal) else traceback.format_exception_only(error)[-1].strip(),
            "trace": "".join(lines)[-6000:]}).encode())
        sys.stderr.flush()
        os._exit(1)


    def main():
        os.dup2(2, 1)  # what an environment prints must not come between two frames
        threading.Thread(target=leave_with_parent, daemon=True).start()
        worker = None
        names = {HELLO: "made", RESET: "reset", STEP: "step", RENDER: "drawn", STATE: "stored", RESTORE: "restored"}
        for operation, body in requests():
            try:
                if operation == HELLO:
                    worker = Worker(json.loads(bytes(body)))
                    send(HELLO, json.dumps(worker.describe()).encode())
                elif operation == STEP:
                    link.sendall(worker.step(body))
                elif operation == RESET:
                    link.sendall(worker.reset(body))
                elif operation == RENDER:
                    send(RENDER, worker.render(body))
                elif operation == STATE:
                    send(STATE, worker.state(body))
                elif operation == RESTORE:
                    send(RESTORE, worker.restore(body))
                elif operation == CLOSE:
                    for environment in worker.environments if worker else []:
                        environment.close()
                    os._exit(0)
            except BaseException as error:  # exits and interruptions, too
                if operation == CLOSE:
                    os._exit(0)
                fail(error, names.get(operation, "asked"), worker)


    main()
    """#
}
