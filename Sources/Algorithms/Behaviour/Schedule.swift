import Foundation
import Support

/// A setting that changes with the environment steps done: exploration ε, learning rate α.
///
/// With x = min(1, t/steps): constant gives start, linear gives start + (end − start)·x, exponential gives
/// start·(end/start)ˣ.
package struct Schedule: Configurable, Equatable {
  /// How the value goes from start to end.
  package enum Shape: String, CaseIterable, Sendable { case constant, linear, exponential }

  /// The course.
  package var shape = Shape.constant
  /// Value at step 0.
  package var start = 0.1
  /// Value from step `steps` on; without meaning for a constant.
  package var end = 0.01
  /// Environment steps from start to end.
  package var steps = 10_000

  /// A constant 0.1.
  package init() {}

  /// A schedule with these values.
  package init(_ shape: Shape = .constant, start: Double, end: Double = 0.01, steps: Int = 10_000) {
    (self.shape, self.start, self.end, self.steps) = (shape, start, end, steps)
  }

  package mutating func declare(_ fields: Fields) {
    fields.choice("schedule", &shape, "the course from start to end; constant stays at start")
    fields.number("start", &start, in: 0...1, "value at the first step")
    fields.number("end", &end, in: 0...1, "value after so many steps; a constant ignores it")
    fields.integer("steps", &steps, in: 1...1_000_000_000_000, "environment steps from start to end")
    if shape == .exponential && (start == 0 || end == 0) {
      fields.fault("schedule", "an exponential course neither starts nor ends at 0; use \"linear\"")
    }
    if shape == .constant {
      for name in ["end", "steps"] { fields.unused(name, because: "a constant schedule stays at its start") }
    }
  }

  /// Whether the value is 0 at every step.
  package var isZero: Bool { start == 0 && (shape == .constant || end == 0) }

  /// The value after `step` environment steps.
  package func value(at step: Int) -> Double {
    let progress = min(1, Double(step) / Double(steps))
    switch shape {
    case .constant: return start
    case .linear: return start + (end - start) * progress
    case .exponential: return start * pow(end / start, progress)
    }
  }
}
