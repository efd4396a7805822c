import Support
import TestSupport
import Testing

struct CSVFileTests {
  private let columns = ["env_step", "loss", "note"]

  @Test func rowsAreWrittenAsDeclared() throws {
    let folder = TemporaryFolder()
    let file = try CSVFile(creating: folder.file("a.csv"), columns: columns)
    try file.append([.integer(1), .number(0.1), .text("plain")])
    try file.append([.integer(-2), nil, .text("a,\"b\"\nc")])
    try file.append([nil, .number(0.1), .text("")])
    try file.append([.flag(true), .number(-.nan), .text(" x")])
    try file.append([.flag(false), .number(-.infinity), nil])
    try file.append([.integer(0), .number(1e-300), .text("é")])
    #expect(
      folder.text("a.csv") == """
        env_step,loss,note
        1,0.1,plain
        -2,,"a,""b""
        c"
        ,0.1,""
        true,nan," x"
        false,-inf,
        0,1e-300,é

        """)
    let table = try CSVTable.read(folder.file("a.csv"))
    #expect(table.rowCount == 6 && table.incompleteRow == nil)
    #expect(try table.texts("note") == ["plain", "a,\"b\"\nc", "", " x", nil, "é"])
    let losses = try table.numbers("loss")
    #expect(losses[0] == 0.1 && losses[1] == nil && losses[3]?.isNaN == true && losses[4] == -.infinity)
  }

  @Test func numbersReadBackExactly() throws {
    let folder = TemporaryFolder()
    let file = try CSVFile(creating: folder.file("a.csv"), columns: ["d"])
    var random = RandomStream(seed: 8)
    var doubles: [Double] = []
    while doubles.count < 500 {
      let double = Double(bitPattern: random.nextBits())
      guard double.isFinite else { continue }
      doubles.append(double)
      try file.append([.number(double)])
    }
    let table = try CSVTable.read(folder.file("a.csv"))
    #expect(try table.numbers("d") == doubles)
  }

  @Test func everyRowIsInTheFileAtOnce() throws {
    let folder = TemporaryFolder()
    let file = try CSVFile(creating: folder.file("a.csv"), columns: ["x"])
    for row in 1...3 {
      try file.append([.integer(row)])
      #expect(folder.text("a.csv") == "x\n" + (1...row).map { "\($0)\n" }.joined())
      #expect(file.offset == 2 + 2 * row)
    }
  }

  @Test func reopeningCutsWhatLiesBeyond() throws {
    let folder = TemporaryFolder()
    let path = folder.file("a.csv")
    let offset: Int
    do {
      let file = try CSVFile(creating: path, columns: columns)
      try file.append([.integer(1), nil, nil])
      offset = file.offset
      try file.append([.integer(2), nil, nil])
      try file.synchronize()
    }
    #expect(throws: FileError.self) { try CSVFile(creating: path, columns: columns) }
    let file = try CSVFile(reopening: path, columns: columns, at: offset)
    try file.append([.integer(3), nil, nil])
    #expect(folder.text("a.csv") == "env_step,loss,note\n1,,\n3,,\n")
  }

  @Test func reopeningChecksBeforeItCuts() throws {
    let folder = TemporaryFolder()
    let text = "env_step,loss,note\n1,,\n2,,\n"
    let path = folder.write(text, to: "a.csv")
    func fault(_ columns: [String], _ offset: Int) -> String? {
      #expect(throws: FileError.self) { try CSVFile(reopening: path, columns: columns, at: offset) }?.description
    }
    let prefix = "cannot append to \(path): "
    #expect(
      fault(["env_step", "loss"], 23) == prefix + "its columns are \"env_step,loss,note\", not \"env_step,loss\"")
    #expect(fault(["env_step", "loss", "reward"], 23)?.contains("not \"env_step,loss,reward\"") == true)
    #expect(fault(columns, 22) == prefix + "the checkpoint's position, byte 22, is not the end of a row")
    #expect(fault(columns, 28) == prefix + "it has 27 bytes, the checkpoint was made at 28")
    #expect(fault(columns, 5) == prefix + "it has 27 bytes, the checkpoint was made at 5")
    #expect(fault(columns, -1) == prefix + "it has 27 bytes, the checkpoint was made at -1")
    #expect(folder.text("a.csv") == text)
    #expect(throws: FileError.self) { try CSVFile(reopening: folder.file("none"), columns: columns, at: 19) }
  }

  /// A file from before there were some columns stays without them.
  @Test func aFileKeepsTheColumnsThatItHas() throws {
    let folder = TemporaryFolder()
    let text = "env_step,note\n1,a\n"
    let path = folder.write(text, to: "a.csv")
    for optional in [[], ["note"], ["env_step"]] {
      #expect(throws: FileError.self) {
        try CSVFile(reopening: path, columns: columns, optional: optional, at: 18)
      }
    }
    // What it has and nobody knows, or in another order, is no such file.
    for columns in [["env_step", "loss"], ["loss", "note", "env_step"]] {
      #expect(throws: FileError.self) { try CSVFile(reopening: path, columns: columns, optional: columns, at: 18) }
    }
    #expect(folder.text("a.csv") == text)
    let file = try CSVFile(reopening: path, columns: columns, optional: ["loss", "note"], at: 18)
    try file.append([.integer(2), .number(0.5), .text("b")])
    #expect(folder.text("a.csv") == text + "2,b\n")
    let whole = folder.write("env_step,loss,note\n", to: "b.csv")
    try CSVFile(reopening: whole, columns: columns, optional: columns, at: 19).append([.integer(2), .number(0.5), nil])
    #expect(folder.text("b.csv") == "env_step,loss,note\n2,0.5,\n")
  }
}

extension CSVFileTests {
  /// A spreadsheet has opened and saved a table: its columns look the same, and are not.
  @Test(arguments: [
    ("\u{FEFF}env_step,loss,note\n1,,\n", "a byte order mark before its first line"),
    ("env_step,loss,note\r\n1,,\r\n", "lines that end in CRLF instead of LF"),
    (
      "\u{FEFF}env_step,loss,note\r\n1,,\r\n",
      "a byte order mark before its first line and lines that end in CRLF instead of LF"
    ),
  ])
  func whatASpreadsheetSaves(text: String, change: String) throws {
    let folder = TemporaryFolder()
    let path = folder.write(text, to: "a.csv")
    let found = #expect(throws: FileError.self) { try CSVFile(reopening: path, columns: columns, at: 23) }
    #expect(
      found?.description == "cannot append to \(path): another program has saved it, with \(change): undo that, or "
        + "bring the old file back")
    #expect(folder.text("a.csv") == text)
  }
}

private struct LossRow: TableRow {
  var loss = 0.0

  mutating func visit(_ cells: TableCells) throws(CSVError) { try cells.number("loss", &loss) }
}

struct CSVTableTests {
  private func read(_ text: String) throws -> CSVTable { try CSVTable(Array(text.utf8), path: "t.csv") }

  @Test func columnsByName() throws {
    let table = try read("a,\"b \"\"c\"\"\",d\r\n1,\"x\r\ny\",\r\n2,\"\",\"3\"\r\n")
    #expect(table.columns == ["a", "b \"c\"", "d"])
    #expect(table.rowCount == 2)
    #expect(try table.numbers("a") == [1, 2])
    #expect(try table.texts("b \"c\"") == ["x\r\ny", ""])
    #expect(try table.texts("d") == [nil, "3"])
    #expect(table.columns.contains("d") && !table.columns.contains("e"))
    #expect(try read("\u{FEFF}a\n1\n").columns == ["a"])
    #expect(try read("a,b\n1,2\n\n\n").rowCount == 1)
    #expect(try read("a\n1\n\n2\n").numbers("a") == [1, nil, 2])
    #expect(try read("a,b\n").rowCount == 0)
  }

  @Test(
    arguments: [
      ("a,b\n1,2\n3", 1, 3), ("a,b\n1,2\n3,", 1, 3), ("a,b\n1,2\n3,4", 1, 3), ("a,b\n1,2\n3,\"x", 1, 3),
      ("a,b\n1,\"x\ny\"\n3,\"x\"", 1, 4), ("a,b\n1,2\n3,\"x\"\r", 1, 3), ("a,b\n1", 0, 2), ("a,b\n1,2\n", 1, nil),
    ] as [(String, Int, Int?)])
  func aHalfWrittenRowIsSaid(text: String, rows: Int, line: Int?) throws {
    let table = try read(text)
    #expect(table.rowCount == rows)
    #expect(table.incompleteRow == line)
  }

  @Test(arguments: [
    ("", "t.csv: line 1: the file is empty; expected a line of column names"),
    ("a,b", "t.csv: line 1: the line of column names has no end"),
    ("a,b,a\n", "t.csv: line 1: two columns are named \"a\""),
    ("a,b\n1,2\n1,2,3\n", "t.csv: line 3: 3 cells, the header has 2 columns"),
    ("a,b\n\"x\ny\",2\n1\n", "t.csv: line 4: 1 cells, the header has 2 columns"),
    ("a,b\n1,x\"y\n", "t.csv: line 2: a quote inside a cell that does not start with one"),
    ("a,b\n1,\"x\"y\n", "t.csv: line 2: text after the closing quote of a cell"),
  ])
  func mistakes(text: String, message: String) {
    #expect(#expect(throws: CSVError.self) { try read(text) }?.description == message)
  }

  @Test func columnsAndNumbersThatAreNotThere() throws {
    let table = try read("step,loss\n1,0.5\n2,x\n")
    let missing = #expect(throws: CSVError.self) { try table.texts("los") }
    #expect(missing?.description == "t.csv: line 1: no column \"los\"; did you mean \"loss\"?")
    let other = #expect(throws: CSVError.self) { try table.texts("reward") }
    #expect(other?.description == "t.csv: line 1: no column \"reward\"; its columns: step, loss")
    let number = #expect(throws: CSVError.self) { try table.rows(LossRow.self) }
    #expect(number?.description == "t.csv: line 3: column \"loss\": \"x\" is not a number")
  }

  @Test func damagedFilesNeverTrap() {
    let samples = ["a,b,c\n1,2.5,\"x,\"\"y\"\"\"\n,,\ntrue,nan,z\n", "\"q\nr\",s\r\n1,\"é\"\r\n\r\n-1e5,\r\n"].map {
      Array($0.utf8)
    }
    var accepted = 0
    forMutations(of: samples, count: 20_000, seed: 3, alphabet: ",\"\n\r 0123456789.eé\u{0}") { bytes in
      do throws(CSVError) {
        let table = try CSVTable(bytes)
        accepted += 1
        for column in table.columns { #expect(try! table.texts(column).count == table.rowCount) }
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    #expect(accepted > 1000 && accepted < 19_000)
  }
}
