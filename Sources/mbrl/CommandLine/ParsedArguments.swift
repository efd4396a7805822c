import Support

/// Arguments of one command, sorted by its syntax.
package struct ParsedArguments: Equatable, Sendable {
  /// What is neither an option nor a setting, in order.
  package var operands: [String] = []
  /// "key.path=value", in order.
  package var settings: [String] = []
  /// The values of options that take one, by name.
  package var values: [String: String] = [:]
  /// The options without a value that were given.
  package var flags: Set<String> = []
  /// Whether `--help` or `-h` was given; nothing else is checked then.
  package var wantsHelp = false

  /// Whether a flag was given.
  package func has(_ flag: String) -> Bool { flags.contains(flag) }

  /// An option's value as a whole number in a range; as in settings "1e3" is one.
  package func integer(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = values[option] else { return nil }
    let (low, high) = (range.lowerBound, range.upperBound)
    let allowed = high == Int.max ? "\(low) or more" : "\(low) to \(high)"
    guard let value = Int(text) ?? (try? JSONParser.parse(text))?.integer, range.contains(value) else {
      throw UsageError("\(option): expected a whole number, \(allowed); found \"\(text)\"")
    }
    return value
  }

  /// An option's value as a number in a range.
  package func number(
    _ option: String, in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  ) throws(UsageError) -> Double? {
    guard let text = values[option] else { return nil }
    guard let value = Double(text), range.contains(value) else {
      let (low, high) = (NumberText.short(range.lowerBound), NumberText.short(range.upperBound))
      throw UsageError("\(option): expected a number, \(low) to \(high); found \"\(text)\"")
    }
    return value
  }

  /// The path of a file that an option has to name, and that standard output can't stand for.
  /// - Parameter contents: what goes there, in the plural.
  package func file(_ option: String, of contents: String) throws -> String {
    guard let path = values[option] else { throw UsageError("\(option) FILE is missing") }
    if try OutputPath(path).isStandardOutput { throw UsageError("\(option): \(contents) go to a file") }
    return path
  }

  /// An option's value as one of an enumeration's names.
  package func choice<Choice>(_ option: String, _ type: Choice.Type = Choice.self) throws(UsageError) -> Choice?
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    guard let text = values[option] else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let names = Choice.allCases.map(\.rawValue)
    let suggestion = Suggestion.didYouMean(text, among: names)
    throw UsageError("\(option): \"\(text)\" is not one of \(names.joined(separator: ", "))\(suggestion)")
  }
}

/// A mistake in the arguments.
package struct UsageError: Error, Equatable, CustomStringConvertible {
  package var description: String
  /// A mistake in these words.
  package init(_ description: String) { self.description = description }
}

extension CommandSyntax {
  /// Sorts arguments: options anywhere, as `--name value` or `--name=value`; after `--` everything is an operand.
  package func parse(_ arguments: [String]) throws(UsageError) -> ParsedArguments {
    var parsed = ParsedArguments()
    var rest = arguments[...]
    var optionsEnded = false
    while let argument = rest.popFirst() {
      if optionsEnded || argument == "-" || !argument.hasPrefix("-") {
        if !optionsEnded && takesSettings && isSetting(argument) {
          parsed.settings.append(argument)
        } else {
          parsed.operands.append(argument)
        }
      } else if argument == "--" {
        optionsEnded = true
      } else if argument == "--help" || argument == "-h" {
        parsed.wantsHelp = true
      } else {
        try take(argument, &rest, &parsed)
      }
    }
    if !parsed.wantsHelp { try checkOperands(parsed) }
    return parsed
  }

  private func take(
    _ argument: String, _ rest: inout ArraySlice<String>, _ parsed: inout ParsedArguments
  ) throws(UsageError) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = parts[0]
    guard let option = options.first(where: { $0.name == name }) else {
      let value = parts.count > 1 ? parts[1] : rest.first
      throw UsageError("unknown option \(name)\(ArgumentAdvice.unknownOption(name, value: value, self))")
    }
    if parsed.flags.contains(name) || parsed.values[name] != nil { throw UsageError("\(name) is given twice") }
    guard let value = option.value else {
      if parts.count > 1 { throw UsageError("\(name) takes no value") }
      parsed.flags.insert(name)
      return
    }
    if parts.count > 1 {
      parsed.values[name] = parts[1]
    } else if let next = rest.first, !next.hasPrefix("--") {
      parsed.values[name] = next
      rest.removeFirst()
    } else {
      throw UsageError("\(name) needs a value: \(name) \(value)")
    }
    if parsed.values[name]?.isEmpty == true { throw UsageError("\(name) needs a value: \(name) \(value)") }
  }

  private func checkOperands(_ parsed: ParsedArguments) throws(UsageError) {
    if parsed.operands.count < operandCount.lowerBound {
      throw UsageError("\(operands[min(parsed.operands.count, operands.count - 1)]) is missing")
    }
    if parsed.operands.count > operandCount.upperBound {
      let rest = parsed.operands[operandCount.upperBound...]
      let advice = takesSettings ? ArgumentAdvice.unexpected(rest, settings: parsed.settings) : ""
      throw UsageError("unexpected argument \"\(parsed.operands[operandCount.upperBound])\"\(advice)")
    }
  }

  /// Whether an argument is "key.path=value" or "~key.path": a path of names before the first '='. A file name with a
  /// '/' is none.
  private func isSetting(_ argument: String) -> Bool {
    guard let equals = argument.firstIndex(of: "=") ?? (argument.hasPrefix("~") ? argument.endIndex : nil) else {
      return false
    }
    let path = argument[..<equals].drop { $0 == "~" }
    return !path.isEmpty && path.allSatisfy { $0.isLetter || $0.isNumber || "_-.$[]".contains($0) }
      || argument.hasPrefix("=")
  }
}
