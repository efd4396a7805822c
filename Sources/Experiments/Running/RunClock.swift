import Support

/// Seconds of work on a run, over all its sessions.
package struct RunClock: Sendable {
  private let earlier: Double
  private let start = Clock.monotonicSeconds()
  private let processStart = Clock.processSeconds()

  /// Goes on from the seconds of earlier sessions.
  package init(elapsed: Double) { earlier = elapsed }

  package var seconds: Double { earlier + (Clock.monotonicSeconds() - start) }

  /// Seconds of processors in this session: of the whole process, other seeds that it has trained meanwhile included.
  package var processorSeconds: Double { Clock.processSeconds() - processStart }
}
