import Environments
import Experiments
import Support

/// The numbers of a file of transitions, column by column, as distributions are compared by: observations, their
/// changes, actions, rewards and ends.
package struct RecordedColumns: Sendable {
  /// One quantity.
  package struct Column: Sendable {
    package var name: String
    /// [rows]
    package var values: [Double]
    /// Action indices, flags: what a distance of means says nothing of.
    package var isCategorical = false
  }

  package let path: String
  package private(set) var columns: [Column] = []
  package var rows: Int { columns.first?.values.count ?? 0 }

  /// Reads a file that `mbrl data` has written; of states that are pictures nothing is compared.
  /// - Throws: `.failed` with the place of the fault.
  package init(reading path: String) throws(ExperimentError) {
    self.path = path
    let contents = try rethrow(Safetensors.read(path)) { (error: SafetensorsError) -> ExperimentError in
      .failed("\(error)")
    }
    guard contents.metadata.contains(where: { $0.key == "format" && $0.value == TransitionFile.format }) else {
      throw .failed("\(path) is no file of transitions; mbrl data record, import and imagine write them")
    }
    func fact(_ name: String) -> String? { contents.metadata.first { $0.key == name }?.value }
    let specification = fact("environment").flatMap { id in
      EnvironmentRegistry.specifications.first { $0.id == id }
    }
    func find(_ name: String) throws(ExperimentError) -> (values: [Double], width: Int, isIndex: Bool) {
      guard let tensor = contents.tensors.first(where: { $0.name == name })?.tensor, let count = tensor.shape.first,
        count > 0
      else { throw .failed("\(path): \(name) is missing or empty") }
      guard tensor.shape.count <= 2 else {
        throw .failed("\(path): \(name) are pictures, \(tensor.shape); only vectors and indices are compared")
      }
      let width = tensor.shape.count == 2 ? tensor.shape[1] : 1
      let values = tensor.bytes.withUnsafeBytes { bytes -> [Double] in
        switch tensor.elementType {
        case .float32: bytes.bindMemory(to: Float.self).map(Double.init)
        case .float64: Array(bytes.bindMemory(to: Double.self))
        case .int32: bytes.bindMemory(to: Int32.self).map(Double.init)
        default: bytes.map(Double.init)
        }
      }
      guard values.count == count * width, values.allSatisfy(\.isFinite) else {
        throw .failed("\(path): \(name) has numbers that are missing or not finite")
      }
      return (values, width, tensor.elementType == .int32)
    }
    let (now, next) = (try find("observations"), try find("next_observations"))
    let (actions, rewards) = (try find("actions"), try find("rewards"))
    let ended = try find("terminated")
    let count = rewards.values.count
    let tables = [now, next, actions, ended]
    guard tables.allSatisfy({ $0.values.count == count * $0.width }), now.width == next.width else {
      throw .failed("\(path): its tensors are of different lengths")
    }
    func name(_ kind: String, _ names: [String]?, _ place: Int, of width: Int) -> String {
      if let names, names.count == width { return names[place] }
      return width == 1 ? kind : "\(kind) \(place)"
    }
    func column(_ table: (values: [Double], width: Int, isIndex: Bool), _ place: Int) -> [Double] {
      (0..<count).map { table.values[$0 * table.width + place] }
    }
    var changes: [Column] = []
    for place in 0..<now.width {
      let own = name(now.isIndex ? "state" : "observation", specification?.observationNames, place, of: now.width)
      let values = column(now, place)
      columns.append(Column(name: own, values: values, isCategorical: now.isIndex))
      let differences = zip(values, column(next, place)).map { $1 - $0 }
      changes.append(Column(name: "change of \(own)", values: differences, isCategorical: now.isIndex))
    }
    columns += changes
    for place in 0..<actions.width {
      let own = name("action", actions.isIndex ? nil : specification?.actionNames, place, of: actions.width)
      columns.append(Column(name: own, values: column(actions, place), isCategorical: actions.isIndex))
    }
    columns.append(Column(name: "reward", values: rewards.values))
    columns.append(Column(name: "ends", values: ended.values, isCategorical: true))
  }

  /// Evenly spread rows, `most` at most, of some columns as they are scaled: see `SampleRows`.
  package func sample(_ chosen: [Int], scales: [(mean: Double, deviation: Double)], most: Int) -> SampleRows {
    let count = min(most, rows)
    var sample = SampleRows(columns: chosen.count)
    for place in 0..<count {
      let row = place * rows / count
      for (column, scale) in zip(chosen, scales) {
        sample.values.append((columns[column].values[row] - scale.mean) / scale.deviation)
      }
    }
    return sample
  }

  /// - Throws: `.failed` where the other file's columns are not these.
  package func check(_ other: RecordedColumns) throws(ExperimentError) {
    guard columns.map(\.name) == other.columns.map(\.name) else {
      throw .failed(
        "\(other.path) has \(other.columns.count) columns, \(path) \(columns.count), or other ones: the tasks differ")
    }
  }
}

/// Vectors in rows, one behind the other.
package struct SampleRows: Sendable {
  package let columns: Int
  /// [count · columns]
  package var values: [Double] = []

  package init(columns: Int, values: [Double] = []) { (self.columns, self.values) = (columns, values) }

  package var count: Int { values.count / columns }
}
