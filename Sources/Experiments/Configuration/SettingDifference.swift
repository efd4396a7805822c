import Support

/// One setting that two resolved configurations do not share.
package struct SettingDifference: Equatable, Sendable, CustomStringConvertible {
  /// "planner.horizon".
  package var path: String
  /// nil: not there.
  package var old: JSON?
  /// nil: not there.
  package var new: JSON?

  package var description: String { "\(path): \(old?.compactText ?? "(not set)") → \(new?.compactText ?? "(not set)")" }

  /// Every setting by which two trees differ, in the old tree's order, then what only the new one has.
  package static func between(_ old: JSON?, _ new: JSON?, path: String = "") -> [SettingDifference] {
    guard old != new else { return [] }
    guard let left = old?.object, let right = new?.object else {
      return [SettingDifference(path: path, old: old, new: new)]
    }
    let added = right.members.filter { left[$0.key] == nil }
    return (left.members + added).flatMap { member in
      between(left[member.key], right[member.key], path: path.isEmpty ? member.key : "\(path).\(member.key)")
    }
  }
}
