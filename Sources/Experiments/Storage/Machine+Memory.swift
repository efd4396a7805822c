import Foundation
import Support

extension Machine {
  /// The least of what the machine has free, what the process's limits leave, and what its control groups leave (as
  /// batch systems and containers set them); nil where the system tells none of them.
  package static var availableMemory: MemoryRoom? {
    var rooms = controlGroupRooms()
    if let free = freeMemory(in: read("/proc/meminfo")) {
      rooms.append(MemoryRoom(bytes: free, source: "free on this machine", isLimit: false))
    }
    rooms += limitRooms()
    return rooms.min { $0.bytes < $1.bytes }
  }

  /// The content of a small file of the system; "" where there is none.
  private static func read(_ path: String) -> String {
    (try? FileSystem.read(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Memory that can be had without taking any from another process, and free swap, by /proc/meminfo.
  package static func freeMemory(in text: String) -> Int? {
    func kilobytes(_ name: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
      return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
    return kilobytes("MemAvailable").map { ($0 + (kilobytes("SwapFree") ?? 0)) * 1024 }
  }

  /// What `ulimit -v` and `ulimit -d` leave beside what is taken already.
  private static func limitRooms() -> [MemoryRoom] {
    #if os(Linux)
      let pages = read("/proc/self/statm").split(separator: " ").compactMap { Int($0) }
      guard pages.count > 5 else { return [] }
      let kinds = [
        (Int(RLIMIT_AS.rawValue), pages[0], "limit of the address space: ulimit -v"),
        (Int(RLIMIT_DATA.rawValue), pages[5], "limit of data: ulimit -d"),
      ]
      return kinds.compactMap { kind, taken, source in
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(kind)), &limit) == 0, limit.rlim_cur < rlim_t(Int.max) else {
          return nil
        }
        return MemoryRoom(bytes: max(0, Int(limit.rlim_cur) - taken * Int(getpagesize())), source: source)
      }
    #else
      return []
    #endif
  }

  /// What the control groups of this process leave, its own and those above it, of both versions; files that can be
  /// given up at once do not count as taken. `root` is where the groups are mounted, `membership` /proc/self/cgroup.
  package static func controlGroupRooms(root: String = "/sys/fs/cgroup", membership: String? = nil) -> [MemoryRoom] {
    let lines = (membership ?? read("/proc/self/cgroup")).split(separator: "\n")
    return lines.flatMap { line -> [MemoryRoom] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return [] }
      let isFirst = parts[1].split(separator: ",").contains("memory")
      guard isFirst || parts[1].isEmpty else { return [] }
      let names = isFirst ? ("memory.limit_in_bytes", "memory.usage_in_bytes") : ("memory.max", "memory.current")
      let mount = isFirst ? "\(root)/memory" : root
      return FileSystem.folders(from: mount + parts[2]).prefix { $0.hasPrefix(mount) }.compactMap { group in
        room(of: group, limit: names.0, usage: names.1)
      }
    }
  }

  private static func room(of group: String, limit: String, usage: String) -> MemoryRoom? {
    func number(_ name: String) -> Int? { Int(read("\(group)/\(name)").prefix { !$0.isWhitespace }) }
    // "max" is no number, and version 1 writes a number near Int's greatest for no limit.
    guard let limit = number(limit), limit < 1 << 60, let taken = number(usage) else { return nil }
    let statistics = read("\(group)/memory.stat").split(separator: "\n")
    let files = statistics.first { $0.hasPrefix("inactive_file ") || $0.hasPrefix("total_inactive_file ") }
    let spare = files?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    return MemoryRoom(bytes: max(0, limit - max(0, taken - spare)), source: "limit of the control group")
  }
}
