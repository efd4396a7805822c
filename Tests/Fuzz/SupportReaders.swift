/// The readers of files and arguments that nobody can trust, each as a function of bytes. Any bytes must give a value
/// or an error: no crash, no hang, no memory beyond a small multiple of the input. What is read must read back as
/// itself.
enum SupportReaders {
  /// A document.
  static func json(_ bytes: [UInt8]) {
    guard let document = try? JSONParser.parse(bytes) else { return }
    guard let again = try? JSONParser.parse(document.compactText), again == document else {
      fatalError("JSON does not read back as itself")
    }
    guard let pretty = try? JSONParser.parse(document.prettyText), pretty == document else {
      fatalError("pretty JSON does not read back as itself")
    }
  }

  /// "key.path=value" arguments, one per line.
  static func overrides(_ bytes: [UInt8]) {
    let arguments = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    var object = JSONObject([
      ("a", .array([.integer(1), .object(JSONObject([("b", .null)]))])),
      ("c", .object(JSONObject([("d", .bool(true))]))),
    ])
    let before = object
    let (overridden, faults) = Overrides.apply(arguments, to: &object)
    if faults.count == arguments.count && object != before { fatalError("mistaken overrides changed something") }
    if faults.count < arguments.count && overridden.isEmpty { fatalError("an override is not remembered") }
    guard let again = try? JSONParser.parse(JSON.object(object).compactText), again == .object(object) else {
      fatalError("the overridden tree is no JSON")
    }
  }

  /// A file of tensors.
  static func safetensors(_ bytes: [UInt8]) {
    guard let contents = try? Safetensors.decode(bytes) else { return }
    // Padding and the order of storage are free; what is in it is not.
    let again = Safetensors.encode(contents.tensors, metadata: contents.metadata)
    guard let second = try? Safetensors.decode(again), second.tensors.count == contents.tensors.count,
      zip(second.tensors, contents.tensors).allSatisfy({
        $0.name == $1.name && $0.tensor.shape == $1.tensor.shape && $0.tensor.bytes == $1.tensor.bytes
      })
    else { fatalError("tensors do not read back as themselves") }
  }

  /// A table.
  static func csv(_ bytes: [UInt8]) {
    guard let table = try? CSVTable(bytes) else { return }
    for column in table.columns {
      for row in 0..<table.rowCount { _ = try? table.text(column, row) }
    }
  }
}
