import Environments
import Experiments
import Foundation
import Support

/// Turns HDF5 files of transitions into one of ours, with a Python that reads them.
package enum DataImport {
  /// - Returns: what was done, in a line.
  package static func run(_ path: String, to output: String, python: String) throws(ExperimentError) -> String {
    guard FileSystem.kind(of: path) == .file else { throw .failed("\(path): there is no such file") }
    let python = GymnasiumEnvironments.python(python)
    let temporary = FileSystem.temporaryName(beside: output)
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    let (process, errors, answer) = (Process(), Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", ImportSource.text, path, temporary]
    (process.standardError, process.standardOutput) = (errors, answer)
    do {
      try process.run()
    } catch {
      throw .failed("the Python at \(python) cannot be started: \(error.localizedDescription)")
    }
    // Little is printed: neither pipe fills.
    let printed = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let said = String(decoding: answer.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let last = printed.split(separator: "\n").last.map(String.init) ?? "it said nothing"
      let remedy =
        printed.contains("ModuleNotFoundError")
        ? "; scripts/setup-gymnasium.sh classic makes a Python that has h5py, --python names another one" : ""
      throw .failed("\(path) cannot be imported by \(python): \(last)\(remedy)")
    }
    do throws(FileError) { try FileSystem.moveDurably(temporary, to: output) } catch { throw .file(error) }
    return "\(output): \(said.trimmingCharacters(in: .whitespacesAndNewlines))"
  }
}

/// The program that reads HDF5.
private enum ImportSource {
  static let text = #"""
    """usage: FILE.hdf5 FILE.safetensors"""
    import json
    import struct
    import sys

    import h5py
    import numpy as np


    def joined(group):
        """A data set, or the parts of a dictionary side by side, by name."""
        if isinstance(group, h5py.Dataset):
            return group[()]
        parts = [joined(group[name]) for name in sorted(group)]
        return np.concatenate([part.reshape(len(part), -1).astype(np.float32) for part in parts], axis=1)


    def minari(file):
        names = sorted((name for name in file if name.startswith("episode_")), key=lambda name: int(name.split("_")[1]))
        for name in names:
            episode = file[name]
            seen = joined(episode["observations"])
            terminated, truncated = episode["terminations"][()], episode["truncations"][()]
            yield seen[:-1], joined(episode["actions"]), episode["rewards"][()], seen[1:], terminated, truncated


    def d4rl(file):
        seen, actions, rewards = file["observations"][()], file["actions"][()], file["rewards"][()]
        ends = file["terminals"][()].astype(bool)
        cuts = file["timeouts"][()].astype(bool) if "timeouts" in file else np.zeros(len(ends), bool)
        following = file["next_observations"][()] if "next_observations" in file else None
        first = 0
        for last in [*np.flatnonzero(ends | cuts), len(ends) - 1]:
            rows = slice(first, last + 1)
            if last < first:
                continue
            if following is not None:
                after = following[rows]
            else:
                after = np.concatenate([seen[first + 1 : last + 1], seen[last : last + 1]])
                if not ends[last]:
                    # The observation after a cut is not in the file: the row before is the last one.
                    rows, after = slice(first, last), after[:-1]
            first = last + 1
            if rows.stop > rows.start:
                cut = cuts[rows].copy()
                cut[-1] |= not ends[rows.stop - 1]
                yield seen[rows], actions[rows], rewards[rows], after, ends[rows], cut


    def stored(values):
        if values.dtype == np.uint8:
            return values
        if np.issubdtype(values.dtype, np.integer):
            return values.astype(np.int32)
        return values.astype(np.float32)


    with h5py.File(sys.argv[1], "r") as file:
        if "observations" in file:
            episodes = list(d4rl(file))
        elif any(name.startswith("episode_") for name in file):
            episodes = list(minari(file))
        else:
            sys.exit("neither Minari's nor D4RL's: it has " + (", ".join(file) or "nothing"))
    if not episodes:
        sys.exit("it has no transitions")
    names = ["observations", "actions", "rewards", "next_observations", "terminated", "truncated"]
    arrays = {name: np.concatenate([episode[place] for episode in episodes]) for place, name in enumerate(names)}
    arrays["rewards"] = arrays["rewards"].astype(np.float32)
    for name in ("terminated", "truncated"):
        arrays[name] = arrays[name].astype(bool).astype(np.uint8)
    starts = np.zeros(len(arrays["rewards"]), np.uint8)
    starts[np.cumsum([0, *[len(episode[2]) for episode in episodes[:-1]]])] = 1
    arrays["episode_starts"] = starts
    arrays = {name: np.ascontiguousarray(stored(array)) for name, array in arrays.items()}
    kinds = {"float32": "F32", "int32": "I32", "uint8": "U8"}
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    header, end = {"__metadata__": {"format": "mbrl transitions 1", "source": sys.argv[1]}}, 0
    for name in order:
        array = arrays[name]
        offsets = [end, end + array.nbytes]
        header[name] = {"dtype": kinds[array.dtype.name], "shape": list(array.shape), "data_offsets": offsets}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(sys.argv[2], "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            out.write(arrays[name].tobytes())
    print(f"{len(starts)} transitions in {len(episodes)} episodes")
    """#
}
