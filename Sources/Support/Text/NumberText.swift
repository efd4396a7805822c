/// Numbers as people read them in tables and progress lines.
package enum NumberText {
  /// About four significant digits: "178.2", "0.01234", "-1.2e+07".
  package static func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let size = abs(value)
    if size != 0 && (size < 0.001 || size >= 1e7) { return scientific(value) }
    let decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 || size == 0 ? 3 : 5
    return fixed(value, decimals)
  }

  /// A fixed number of decimals, zeros at the end left out.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled / scale)
    var fraction = String(Int(scaled) - whole * Int(scale)).leftPadded(to: decimals, with: "0")
    while fraction.last == "0" { fraction.removeLast() }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return sign + String(whole) + (decimals == 0 || fraction.isEmpty ? "" : "." + fraction)
  }

  private static func scientific(_ value: Double) -> String {
    var exponent = 0
    var mantissa = value
    while abs(mantissa) >= 9.9995 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while abs(mantissa) < 0.99995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return "\(fixed(mantissa, 3))e\(exponent)"
  }

  /// Digits in groups of three: "1,000,000".
  package static func grouped(_ value: Int) -> String {
    var text = String(abs(value))
    for place in stride(from: text.count - 3, to: 0, by: -3) {
      text.insert(",", at: text.index(text.startIndex, offsetBy: place))
    }
    return value < 0 ? "-" + text : text
  }
}
