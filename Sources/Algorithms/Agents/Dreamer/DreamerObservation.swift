import CKernels
import Environments
import Neural
import Support

/// What the columns of an observation are to a world model.
package struct DreamerObservation: Equatable, Sendable {
  package enum Part: Equatable, Sendable {
    /// Numbers: the model sees and predicts their symlog.
    case vector(name: String, size: Int)
    /// An index in one column: the model sees it one-hot and predicts its probabilities.
    case index(name: String, count: Int)
    /// Bytes, row after row of pixels: the model sees and predicts shares of 255.
    case picture(name: String, Picture)

    package var name: String {
      switch self {
      case .vector(let name, _), .index(let name, _), .picture(let name, _): name
      }
    }

    /// Columns in an observation.
    package var columns: Int {
      switch self {
      case .vector(_, let size): size
      case .index: 1
      case .picture(_, let shape): shape.size
      }
    }

    /// Columns that the dense layers of encoder and decoder see and say.
    package var width: Int {
      switch self {
      case .vector(_, let size): size
      case .index(_, let count): count
      case .picture: 0
      }
    }
  }

  /// The size of a picture.
  package struct Picture: Equatable, Sendable {
    package let height, width, channels: Int

    package init(height: Int, width: Int, channels: Int) {
      (self.height, self.width, self.channels) = (height, width, channels)
    }

    /// Numbers of a picture.
    package var size: Int { height * width * channels }

    /// How often it can be halved: until a side has fewer than 8 pixels or is odd, at most four times.
    var levels: Int {
      var (levels, height, width) = (0, height, width)
      while levels < 4 && height % 2 == 0 && width % 2 == 0 && min(height, width) >= 8 {
        (levels, height, width) = (levels + 1, height / 2, width / 2)
      }
      return levels
    }

    /// Its sides after so many halvings.
    func lowest(_ levels: Int) -> (height: Int, width: Int) { (height >> levels, width >> levels) }
  }

  /// Side by side, in this order; at most one picture.
  package let parts: [Part]

  package init(_ parts: [Part]) { self.parts = parts }

  /// As an environment gives it.
  package init(_ space: ObservationSpace) {
    switch space {
    case .discrete(let count): parts = [.index(name: "observation", count: count)]
    case .box: parts = [.vector(name: "observation", size: space.size)]
    case .image(let height, let width, let channels):
      parts = [.picture(name: "observation", Picture(height: height, width: width, channels: channels))]
    }
  }

  /// The picture among the parts.
  var picture: Picture? {
    for part in parts { if case .picture(_, let shape) = part { return shape } }
    return nil
  }

  /// Where it stands in an observation.
  var pictureColumns: Range<Int>? {
    var first = 0
    for part in parts {
      if case .picture = part { return first..<first + part.columns }
      first += part.columns
    }
    return nil
  }

  package var columns: Int { parts.reduce(0) { $0 + $1.columns } }
  package var width: Int { parts.reduce(0) { $0 + $1.width } }

  /// Numbers and indices of observations [rows, columns] as dense layers see them: [rows, width].
  func encode(_ observations: Rows, on tape: Tape) -> Tensor {
    tape.constant(rows: observations.count, columns: width) { out in
      let target = MutableRows(out.baseAddress!, observations.count, width)
      var (from, to) = (0, 0)
      for part in parts {
        encode(part, observations.columns(from..<from + part.columns), into: target.columns(to..<to + part.width))
        from += part.columns
        to += part.width
      }
    }
  }

  private func encode(_ part: Part, _ values: Rows, into out: MutableRows) {
    switch part {
    case .picture: break
    case .vector: out.setSymlog(of: values)
    case .index(_, let count):
      for row in 0..<values.count {
        for column in 0..<count { out[row, column] = Int(values[row, 0]) == column ? 1 : 0 }
      }
    }
  }
}

extension MutableRows {
  /// sign(x)·log(1 + |x|) of every element.
  func setSymlog(of values: Rows) {
    for row in 0..<values.count {
      for column in 0..<columns { self[row, column] = abs(values[row, column]) }
      ck_unary(Int32(CK_LOG1P), Int64(columns), base + row * rowStride, base + row * rowStride)
      for column in 0..<columns where values[row, column] < 0 { self[row, column] = -self[row, column] }
    }
  }

  /// sign(x)·(e^|x| − 1) of every element.
  func setSymexp(of values: Rows) {
    for row in 0..<values.count {
      for column in 0..<columns {
        let value = values[row, column]
        let power = KernelMath.exp(abs(value))
        self[row, column] = value < 0 ? 1 - power : power - 1
      }
    }
  }
}
