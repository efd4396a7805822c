import Support

extension CSVTable {
  /// The texts of a column; nil for an empty cell.
  package func texts(_ column: String) throws(CSVError) -> [String?] {
    var texts: [String?] = []
    for row in 0..<rowCount { texts.append(try text(column, row)) }
    return texts
  }

  /// The numbers of a column; nil for an empty cell and for what is no number.
  package func numbers(_ column: String) throws(CSVError) -> [Double?] {
    try texts(column).map { $0.flatMap { Double($0) } }
  }
}
