import Experiments
import Support

/// Files of transitions held to a first one: is what the others hold distributed as it?
package struct DistributionComparison: Sendable {
  /// What one other file came to.
  package struct Result: Sendable {
    package var path: String
    package var rows: Int
    /// Per column.
    package var columns: [ColumnResult]
    /// Of all columns that change, standardised; see `TwoSampleStatistics`.
    package var energy: (distance: Double, share: Double)
    package var classifier: TwoSampleClassifier
  }

  /// One quantity in both files.
  package struct ColumnResult: Sendable {
    package var spread: Spread
    /// Kolmogorov and Smirnov's distance, and its chance if rows were independent.
    package var distance, chance: Double
  }

  /// Rows that distances of pairs are taken over, and that somebody learns to tell apart.
  private static let mostPaired = 2000
  private static let mostLearned = 20_000

  package let reference: RecordedColumns
  package let others: [RecordedColumns]
  package private(set) var results: [Result] = []
  /// Mean and deviation of the reference's columns.
  private let spreads: [Spread]
  /// Columns that change in any file.
  private let varying: [Int]

  /// Compares every other file with the first.
  /// - Throws: `.failed` where files cannot be read or their columns differ.
  package init(_ paths: [String]) throws(ExperimentError) {
    reference = try RecordedColumns(reading: paths[0])
    var others: [RecordedColumns] = []
    for path in paths.dropFirst() {
      let other = try RecordedColumns(reading: path)
      try reference.check(other)
      others.append(other)
    }
    self.others = others
    spreads = reference.columns.map { Spread($0.values)! }
    let reference = reference
    varying = reference.columns.indices.filter { column in
      let first = reference.columns[column].values[0]
      return ([reference] + others).contains { $0.columns[column].values.contains { $0 != first } }
    }
    results = others.map(compare)
  }

  /// Units of the columns that vary: the reference's mean and deviation; where it does not vary itself, 1.
  private var scales: [(mean: Double, deviation: Double)] {
    varying.map { (spreads[$0].mean, spreads[$0].deviation > 0 ? spreads[$0].deviation : 1) }
  }

  private func compare(_ other: RecordedColumns) -> Result {
    let columns = zip(reference.columns, other.columns).map { own, its in
      let (spread, distance) = (
        Spread(its.values)!, TwoSampleStatistics.kolmogorovSmirnov(own.values, its.values)
      )
      return ColumnResult(
        spread: spread, distance: distance,
        chance: TwoSampleStatistics.kolmogorovSmirnovProbability(distance, own.values.count, its.values.count))
    }
    func sample(_ table: RecordedColumns, _ most: Int) -> SampleRows {
      table.sample(varying, scales: scales, most: most)
    }
    let most = DistributionComparison.mostPaired
    return Result(
      path: other.path, rows: other.rows, columns: columns,
      energy: TwoSampleStatistics.energyDistance(sample(reference, most), sample(other, most)),
      classifier: TwoSampleClassifier(
        sample(reference, DistributionComparison.mostLearned), sample(other, DistributionComparison.mostLearned)))
  }

  // MARK: For people and programs

  /// "model" of "runs/model.safetensors".
  private static func name(_ path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".safetensors") ? String(name.dropLast(12)) : name
  }

  /// Files by name, the reference first.
  package var names: [String] {
    let short = ([reference] + others).map { DistributionComparison.name($0.path) }
    return Set(short).count == short.count ? short : ([reference] + others).map(\.path)
  }

  /// Tables, and what they mean.
  package var lines: [String] {
    let names = names
    var table = TextTable(
      ["", names[0]] + names.dropFirst().flatMap { [$0, "KS"] },
      rightAligned: Set(1...2 * results.count + 1))
    for (column, own) in reference.columns.enumerated() {
      table.append(
        [own.name, spreads[column].description]
          + results.flatMap { result in
            let found = result.columns[column]
            return [
              found.spread.description,
              NumberText.fixed(found.distance, 3) + (found.chance < 0.01 ? "" : " ="),
            ]
          })
    }
    var whole = TextTable(
      ["", "rows", "energy distance", "share", "told apart", "area"], rightAligned: [1, 2, 3, 4, 5])
    for (name, result) in zip(names.dropFirst(), results) {
      whole.append([
        name, NumberText.grouped(result.rows), NumberText.fixed(result.energy.distance, 4),
        NumberText.fixed(result.energy.share, 4),
        "\(NumberText.fixed(100 * result.classifier.accuracy, 1)) ± "
          + "\(NumberText.fixed(196 * result.classifier.chanceError, 1)) %",
        NumberText.fixed(result.classifier.area, 3),
      ])
    }
    return table.lines + [
      "KS: the largest difference of the shares below a number; \"=\": so much is chance, of independent rows",
      "",
    ] + whole.lines + [
      "told apart: by a network, of rows that it has not seen; 50 % is chance, ± its 95 % interval then", "",
    ] + verdict
  }

  /// A sentence for each file.
  package var verdict: [String] {
    zip(names.dropFirst(), results).map { name, result in
      let accuracy = result.classifier.accuracy
      let worst = result.columns.indices.max { result.columns[$0].distance < result.columns[$1].distance }!
      let least = "largest in \(reference.columns[worst].name), \(NumberText.fixed(result.columns[worst].distance, 3))"
      if accuracy < 0.5 + 1.96 * result.classifier.chanceError {
        return "\(name): a network cannot tell its transitions from \(names[0])'s (differences are \(least))"
      }
      let how = accuracy < 0.6 ? "hardly" : accuracy < 0.8 ? "often" : accuracy < 0.98 ? "mostly" : "always, or nearly,"
      return "\(name): a network \(how) tells its transitions from \(names[0])'s (differences are \(least))"
    }
  }

  /// One object with every number.
  package var json: JSON {
    [
      "reference": .string(reference.path), "rows": .integer(reference.rows),
      "columns": .array(
        zip(reference.columns, spreads).map {
          ["name": .string($0.name), "mean": .finite($1.mean), "deviation": .finite($1.deviation)]
        }),
      "others": .array(
        results.map { result in
          [
            "path": .string(result.path), "rows": .integer(result.rows),
            "energy_distance": .finite(result.energy.distance), "energy_share": .finite(result.energy.share),
            "classifier_accuracy": .finite(result.classifier.accuracy),
            "classifier_area": .finite(result.classifier.area), "classifier_asked": .integer(result.classifier.asked),
            "columns": .array(
              result.columns.map {
                [
                  "mean": .finite($0.spread.mean), "deviation": .finite($0.spread.deviation),
                  "ks": .finite($0.distance), "ks_chance": .finite($0.chance),
                ]
              }),
          ]
        }),
    ]
  }

  /// One number a row.
  package var csv: [UInt8] {
    var rows: [[CSVFile.Cell?]] = []
    func add(_ file: String, _ measure: String, _ column: String?, _ value: Double) {
      rows.append([.text(file), .text(measure), column.map { .text($0) }, .number(value)])
    }
    for (column, spread) in zip(reference.columns, spreads) {
      add(names[0], "mean", column.name, spread.mean)
      add(names[0], "deviation", column.name, spread.deviation)
    }
    for (name, result) in zip(names.dropFirst(), results) {
      for (column, found) in zip(reference.columns, result.columns) {
        add(name, "mean", column.name, found.spread.mean)
        add(name, "deviation", column.name, found.spread.deviation)
        add(name, "ks", column.name, found.distance)
        add(name, "ks_chance", column.name, found.chance)
      }
      add(name, "energy_distance", nil, result.energy.distance)
      add(name, "energy_share", nil, result.energy.share)
      add(name, "classifier_accuracy", nil, result.classifier.accuracy)
      add(name, "classifier_area", nil, result.classifier.area)
    }
    return CSVFile.bytes(["file", "measure", "column", "value"], rows)
  }
}
