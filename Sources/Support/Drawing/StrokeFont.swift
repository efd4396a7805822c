import Foundation

/// Text as strokes, for pictures that are pixels: printable ASCII, each character some bent lines.
///
/// The Hershey Fonts were originally created by Dr. A. V. Hershey while working at the U. S. National Bureau of
/// Standards. The format of the Font data in this distribution was originally created by James Hurt, Cognition, Inc.,
/// 900 Technology Park Drive, Billerica, MA 01821 (mit-eddie!ci-dandelion!hurt). This is the face "Roman Simplex",
/// sans, with a hyphen of its own; a theta and the dot of a rate of change are added to it.
package enum StrokeFont {
  /// One character per line, from the space on: left and right edge, then points, each as two letters around "R"; the
  /// pair " R" lifts the pen.
  private static let data = #"""
    JZ
    MWRFRT RRYQZR[SZRY
    JZNFNM RVFVM
    H]SBLb RYBRb RLOZO RKUYU
    H\PBP_ RTBT_ RYIWGTFPFMGKIKKLMMNOOUQWRXSYUYXWZT[P[MZKX
    F^[FI[ RNFPHPJOLMMKMIKIIJGLFNFPGSHVHYG[F RWTUUTWTYV[X[ZZ[X[VYTWT
    E_\O\N[MZMYNXPVUTXRZP[L[JZIYHWHUISJRQNRMSKSIRGPFNGMIMKNNPQUXWZY[[[\Z\Y
    MWRHQGRFSGSIRKQL
    KYVBTDRGPKOPOTPYR]T`Vb
    KYNBPDRGTKUPUTTYR]P`Nb
    JZRLRX RMOWU RWOMU
    E_RIR[ RIR[R
    NVSWRXQWRVSWSYQ[
    I[LRXR
    NVRVQWRXSWRV
    G][BIb
    H\QFNGLJKOKRLWNZQ[S[VZXWYRYOXJVGSFQF
    H\NJPISFS[
    H\LKLJMHNGPFTFVGWHXJXLWNUQK[Y[
    H\MFXFRNUNWOXPYSYUXXVZS[P[MZLYKW
    H\UFKTZT RUFU[
    H\WFMFLOMNPMSMVNXPYSYUXXVZS[P[MZLYKW
    H\XIWGTFRFOGMJLOLTMXOZR[S[VZXXYUYTXQVOSNRNOOMQLT
    H\YFO[ RKFYF
    H\PFMGLILKMMONSOVPXRYTYWXYWZT[P[MZLYKWKTLRNPQOUNWMXKXIWGTFPF
    H\XMWPURRSQSNRLPKMKLLINGQFRFUGWIXMXRWWUZR[P[MZLX
    NVROQPRQSPRO RRVQWRXSWRV
    NVROQPRQSPRO RSWRXQWRVSWSYQ[
    F^ZIJRZ[
    E_IO[O RIU[U
    F^JIZRJ[
    I[LKLJMHNGPFTFVGWHXJXLWNVORQRT RRYQZR[SZRY
    E`WNVLTKQKOLNMMPMSNUPVSVUUVS RQKOMNPNSOUPV RWKVSVUXVZV\T]Q]O\L[JYHWGTFQFNGLHJJILHOHRIUJWLYNZQ[T[WZYYZX RXKWSWUXV
    I[RFJ[ RRFZ[ RMTWT
    G\KFK[ RKFTFWGXHYJYLXNWOTP RKPTPWQXRYTYWXYWZT[K[
    H]ZKYIWGUFQFOGMILKKNKSLVMXOZQ[U[WZYXZV
    G\KFK[ RKFRFUGWIXKYNYSXVWXUZR[K[
    H[LFL[ RLFYF RLPTP RL[Y[
    HZLFL[ RLFYF RLPTP
    H]ZKYIWGUFQFOGMILKKNKSLVMXOZQ[U[WZYXZVZS RUSZS
    G]KFK[ RYFY[ RKPYP
    NVRFR[
    JZVFVVUYTZR[P[NZMYLVLT
    G\KFK[ RYFKT RPOY[
    HYLFL[ RL[X[
    F^JFJ[ RJFR[ RZFR[ RZFZ[
    G]KFK[ RKFY[ RYFY[
    G]PFNGLIKKJNJSKVLXNZP[T[VZXXYVZSZNYKXIVGTFPF
    G\KFK[ RKFTFWGXHYJYMXOWPTQKQ
    G]PFNGLIKKJNJSKVLXNZP[T[VZXXYVZSZNYKXIVGTFPF RSWY]
    G\KFK[ RKFTFWGXHYJYLXNWOTPKP RRPY[
    H\YIWGTFPFMGKIKKLMMNOOUQWRXSYUYXWZT[P[MZKX
    JZRFR[ RKFYF
    G]KFKULXNZQ[S[VZXXYUYF
    I[JFR[ RZFR[
    F^HFM[ RRFM[ RRFW[ R\FW[
    H\KFY[ RYFK[
    I[JFRPR[ RZFRP
    H\YFK[ RKFYF RK[Y[
    KYOBOb RPBPb ROBVB RObVb
    KYKFY^
    KYTBTb RUBUb RNBUB RNbUb
    JZRDJR RRDZR
    I[Ib[b
    NVSKQMQORPSORNQO
    I\XMX[ RXPVNTMQMONMPLSLUMXOZQ[T[VZXX
    H[LFL[ RLPNNPMSMUNWPXSXUWXUZS[P[NZLX
    I[XPVNTMQMONMPLSLUMXOZQ[T[VZXX
    I\XFX[ RXPVNTMQMONMPLSLUMXOZQ[T[VZXX
    I[LSXSXQWOVNTMQMONMPLSLUMXOZQ[T[VZXX
    MYWFUFSGRJR[ ROMVM
    I\XMX]W`VaTbQbOa RXPVNTMQMONMPLSLUMXOZQ[T[VZXX
    I\MFM[ RMQPNRMUMWNXQX[
    NVQFRGSFREQF RRMR[
    MWRFSGTFSERF RSMS^RaPbNb
    IZMFM[ RWMMW RQSX[
    NVRFR[
    CaGMG[ RGQJNLMOMQNRQR[ RRQUNWMZM\N]Q][
    I\MMM[ RMQPNRMUMWNXQX[
    I\QMONMPLSLUMXOZQ[T[VZXXYUYSXPVNTMQM
    H[LMLb RLPNNPMSMUNWPXSXUWXUZS[P[NZLX
    I\XMXb RXPVNTMQMONMPLSLUMXOZQ[T[VZXX
    KXOMO[ ROSPPRNTMWM
    J[XPWNTMQMNNMPNRPSUTWUXWXXWZT[Q[NZMX
    MYRFRWSZU[W[ ROMVM
    I\MMMWNZP[S[UZXW RXMX[
    JZLMR[ RXMR[
    G]JMN[ RRMN[ RRMV[ RZMV[
    J[MMX[ RXMM[
    JZLMR[ RXMR[P_NaLbKb
    J[XMM[ RMMXM RM[X[
    KYTBRCQDPFPHQJRKSMSOQQ RRCQEQGRISJTLTNSPORSTTVTXSZR[Q]Q_Ra RQSSUSWRYQZP\P^Q`RaTb
    NVRBRb
    KYPBRCSDTFTHSJRKQMQOSQ RRCSESGRIQJPLPNQPURQTPVPXQZR[S]S_Ra RSSQUQWRYSZT\T^S`RaPb
    F^IUISJPLONOPPTSVTXTZS[Q RISJQLPNPPQTTVUXUZT[Q[O
    """#

  /// A character's lines, in the font's units: x from its left edge, y down from the baseline.
  private struct Glyph: Sendable {
    var width: Double
    var lines: [[SIMD2<Double>]]
  }

  /// Units from the baseline to the top of a capital.
  private static let capital = 21.0
  /// A capital's height as a share of a font's size, as sans-serif faces have it.
  private static let capitalShare = 0.72
  /// The face is wider than the ones that stand on screens.
  private static let condensed = 0.87

  private static let glyphs: [Glyph] = data.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    let values = Array(line.utf8).map { Double($0) - Double(UInt8(ascii: "R")) }
    var lines: [[SIMD2<Double>]] = [[]]
    for place in stride(from: 2, to: values.count - 1, by: 2) {
      if values[place] == Double(UInt8(ascii: " ")) - Double(UInt8(ascii: "R")) {
        lines.append([])
      } else {
        // The baseline is at "[", 9 below the middle.
        lines[lines.count - 1].append(SIMD2(values[place] - values[0], values[place + 1] - 9))
      }
    }
    return Glyph(width: values[1] - values[0], lines: lines.filter { !$0.isEmpty })
  }

  private static let theta = Glyph(
    width: 18,
    lines: [
      (0...24).map { 2 * Double.pi * Double($0) / 24 }.map { SIMD2(9 + 6 * cos($0), -10.5 - 10.5 * sin($0)) },
      [SIMD2(3, -10.5), SIMD2(15, -10.5)],
    ])

  /// With the dot of a rate of change, above small letters and high ones alike.
  private static func dotted(_ glyph: Glyph) -> Glyph {
    let top = (glyph.lines.joined().map(\.y).min() ?? 0) - 4
    let middle = glyph.width / 2
    let dot = [(-1.0, 0.0), (0, -1), (1, 0), (0, 1), (-1, 0)].map { SIMD2(middle + $0.0, top + $0.1) }
    return Glyph(width: glyph.width, lines: glyph.lines + [dot])
  }

  /// What stands for a character that the font lacks: the nearest in ASCII, else a question mark.
  private static func glyphs(of character: Character) -> [Glyph] {
    let scalars = String(character).decomposedStringWithCanonicalMapping.unicodeScalars
    if scalars.count > 1 && scalars.last == "\u{307}" {
      return glyphs(of: Character(String(String.UnicodeScalarView(scalars.dropLast())))).map(dotted)
    }
    if character == "θ" { return [theta] }
    let text: String =
      switch character {
      case "–", "−", "—": "-"
      case "…": "..."
      case "×": "x"
      case "·", "•": "."
      case "±": "+-"
      case "≥": ">="
      case "≤": "<="
      case "“", "”", "„": "\""
      case "‘", "’": "'"
      case "ß": "ss"
      case "\u{A0}": " "
      case "₀"..."₉": String(character.wholeNumberValue ?? 0)
      default: String(character.isASCII ? character : plain(character))
      }
    return text.unicodeScalars.map { scalar in
      let index = Int(scalar.value) - 32
      return glyphs.indices.contains(index) ? glyphs[index] : glyphs[31]
    }
  }

  /// A letter without its marks.
  private static func plain(_ character: Character) -> Character {
    let base = String(character).decomposedStringWithCanonicalMapping.unicodeScalars.first
    return base.map { $0.isASCII ? Character($0) : "?" } ?? "?"
  }

  /// How wide a line of text is.
  package static func width(of text: String, size: Double) -> Double {
    text.reduce(0) { $0 + glyphs(of: $1).reduce(0) { $0 + $1.width } } * scale(size) * condensed
  }

  /// A text's strokes from the left end of its baseline on, in a font of a size; y grows downwards.
  package static func lines(of text: String, size: Double) -> [[SIMD2<Double>]] {
    let scale = SIMD2(scale(size) * condensed, scale(size))
    var place = 0.0
    var lines: [[SIMD2<Double>]] = []
    for glyph in text.flatMap(glyphs(of:)) {
      lines += glyph.lines.map { line in line.map { ($0 + SIMD2(place, 0)) * scale } }
      place += glyph.width
    }
    return lines
  }

  private static func scale(_ size: Double) -> Double { size * capitalShare / capital }
}
