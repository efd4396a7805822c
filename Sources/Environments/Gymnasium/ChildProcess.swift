import Foundation
import Support

/// A process of our own with a socket to it as its descriptor 3. What it prints comes to another, and the end of
/// it is kept.
///
/// It is in a process group of its own, so that a terminal's Ctrl-C reaches this program alone. Whoever owns it waits
/// for it within bounds only; one thread at a time.
final class ChildProcess {
  /// Bytes that are kept of what it printed.
  private static let tailLimit = 8192
  /// Lines of them that an error shows.
  private static let tailLines = 20

  let identifier: pid_t
  private var socket: Int32
  private var output: Int32
  private var printed: [UInt8] = []
  /// As `waitpid` gave it; nil: it was not waited for yet.
  private var status: Int32?

  /// Starts `arguments[0]`, an absolute path or a name that is looked for.
  init(_ arguments: [String]) throws(ChildProcessError) {
    var ends: [Int32] = [-1, -1]
    var pipes: [Int32] = [-1, -1]
    // Closed in every other child that starts at this moment: the end would never be seen if one got hold of it.
    guard socketpair(AF_UNIX, ChildProcess.streamType, 0, &ends) == 0,
      socketpair(AF_UNIX, ChildProcess.streamType, 0, &pipes) == 0
    else {
      let reason = String(cString: strerror(errno))
      for descriptor in ends + pipes where descriptor >= 0 { close(descriptor) }
      throw ChildProcessError(reason: reason)
    }
    // Above the numbers that the child gives new meanings to, and gone from every other child.
    let (own, other) = (ChildProcess.moved(ends[0]), ChildProcess.moved(ends[1]))
    let (reading, writing) = (ChildProcess.moved(pipes[0]), ChildProcess.moved(pipes[1]))
    defer {
      close(other)
      close(writing)
    }
    var (identifier, code): (pid_t, Int32) = (0, 0)
    ChildProcess.withActions(socket: other, output: writing) { actions, attributes in
      var words = arguments.map { strdup($0) } + [nil]
      code = posix_spawnp(&identifier, arguments[0], actions, attributes, &words, environ)
      words.forEach { free($0) }
    }
    guard code == 0 else {
      close(own)
      close(reading)
      throw ChildProcessError(reason: String(cString: strerror(code)))
    }
    for descriptor in [own, reading] { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
    (self.identifier, socket, output) = (identifier, own, reading)
  }

  deinit { end() }

  private static var streamType: Int32 {
    #if canImport(Glibc)
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    #else
      SOCK_STREAM
    #endif
  }

  private static func moved(_ descriptor: Int32) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 10)
    close(descriptor)
    return copy
  }

  /// What the child's descriptors are, and that no signal is blocked or ignored in it.
  private static func withActions(
    socket: Int32, output: Int32,
    _ body: (UnsafePointer<posix_spawn_file_actions_t>, UnsafePointer<posix_spawnattr_t>) -> Void
  ) {
    #if canImport(Glibc)
      var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
    #else
      var (actions, attributes): (posix_spawn_file_actions_t?, posix_spawnattr_t?) = (nil, nil)
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    posix_spawn_file_actions_adddup2(&actions, socket, 3)
    var (none, usual) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&usual)
    for number in [SIGPIPE, SIGXFSZ, SIGHUP, SIGINT] { sigaddset(&usual, number) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
    posix_spawnattr_setflags(&attributes, Int16(flags))
    body(&actions, &attributes)
  }

  // MARK: Bytes

  /// Sends all bytes, taking in what the child prints meanwhile.
  func write(_ bytes: UnsafeRawBufferPointer, until deadline: Double) throws(ChildProcessError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = send(socket, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, ChildProcess.noSignal)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else {
        try wait(POLLOUT, until: deadline)
      }
    }
  }

  /// Fills `bytes`, taking in what the child prints meanwhile.
  func read(_ bytes: UnsafeMutableRawBufferPointer, until deadline: Double) throws(ChildProcessError) {
    var filled = 0
    while filled < bytes.count {
      let count = recv(socket, bytes.baseAddress! + filled, bytes.count - filled, 0)
      if count > 0 {
        filled += count
      } else if count == 0 {
        throw ended()
      } else {
        try wait(POLLIN, until: deadline)
      }
    }
  }

  private static var noSignal: Int32 {
    #if canImport(Glibc)
      Int32(MSG_NOSIGNAL)
    #else
      0
    #endif
  }

  /// Returns when the socket may be ready.
  private func wait(_ events: Int32, until deadline: Double) throws(ChildProcessError) {
    let code = errno
    if code == EPIPE || code == ECONNRESET { throw ended() }
    guard code == EAGAIN || code == EWOULDBLOCK || code == EINTR else {
      throw ChildProcessError(reason: String(cString: strerror(code)))
    }
    let left = deadline - Clock.monotonicSeconds()
    guard left > 0 else {
      kill(SIGKILL)
      throw ChildProcessError(reason: nil)
    }
    var descriptors = [
      pollfd(fd: socket, events: Int16(events), revents: 0), pollfd(fd: output, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, 2, Int32(min(left * 1000 + 1, 1e6)))
    if descriptors[1].revents != 0 { takeOutput() }
  }

  private func takeOutput() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while output >= 0 {
      let count = Foundation.read(output, &chunk, chunk.count)
      if count > 0 {
        printed += chunk[..<count]
        if printed.count > 2 * ChildProcess.tailLimit { printed.removeFirst(printed.count - ChildProcess.tailLimit) }
      } else {
        if count == 0 {
          close(output)
          output = -1
        }
        return
      }
    }
  }

  /// The last lines that the child printed, so far.
  var lastLines: [String] {
    takeOutput()
    let text = String(decoding: printed.suffix(ChildProcess.tailLimit), as: UTF8.self)
    return text.split(separator: "\n").suffix(ChildProcess.tailLines).map { String($0.prefix(500)) }
  }

  // MARK: Ends

  /// The child closed its end: what became of it.
  private func ended() -> ChildProcessError {
    if !isGone(within: 2) { kill(SIGKILL) }
    return ChildProcessError(reason: statusText)
  }

  /// "ended with status 3", "was killed by signal 9".
  private var statusText: String {
    guard let status else { return "is gone" }
    let signal = status & 0x7F
    if signal == 0 { return "ended with status \(status >> 8 & 0xFF)" }
    let name = strsignal(signal).map { " (\(String(cString: $0)))" } ?? ""
    let remedy = signal == SIGKILL ? "; if nobody did that, the machine ran out of memory" : ""
    return "was killed by signal \(signal)\(name)\(remedy)"
  }

  /// Whether the child has ended by then; afterwards its number may be anybody's.
  private func isGone(within seconds: Double) -> Bool {
    let deadline = Clock.monotonicSeconds() + seconds
    while status == nil {
      var found: Int32 = 0
      let result = waitpid(identifier, &found, WNOHANG)
      if result == identifier { status = found }
      if result < 0 && errno != EINTR { status = 0 }
      if status != nil || Clock.monotonicSeconds() >= deadline { break }
      usleep(1000)
    }
    return status != nil
  }

  /// Signals the child and what it has started; waits for it where that is the end.
  private func kill(_ signal: Int32) {
    guard status == nil else { return }
    _ = Foundation.kill(-identifier, signal)
    if signal == SIGKILL { _ = isGone(within: 5) }
  }

  /// Closes the socket, as the end of this process would, and waits for nothing.
  func abandon() {
    if socket >= 0 { close(socket) }
    socket = -1
  }

  /// Lets it end by itself for two seconds, asks it for one, then kills it.
  func end() {
    guard socket >= 0 else { return }
    close(socket)
    socket = -1
    if !isGone(within: 2) {
      kill(SIGTERM)
      if !isGone(within: 1) { kill(SIGKILL) }
    }
    if output >= 0 { close(output) }
    output = -1
  }
}

/// A child that does not answer: why, or nil where it took too long.
struct ChildProcessError: Error {
  var reason: String?
}
