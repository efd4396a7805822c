import Support

/// Calls `body` with damaged copies of the samples: bytes changed, removed, repeated, inserted, cut, spliced.
func forMutations(of samples: [[UInt8]], count: Int, seed: UInt64, alphabet: String, _ body: ([UInt8]) -> Void) {
  var random = RandomStream(seed: seed)
  let alphabet = Array(alphabet.utf8)
  for _ in 0..<count {
    var bytes = samples[random.integer(below: samples.count)]
    for _ in 0...random.integer(below: 4) {
      let at = random.integer(below: bytes.count + 1)
      switch random.integer(below: 7) {
      case 0: if at < bytes.count { bytes[at] = UInt8(truncatingIfNeeded: random.nextBits()) }
      case 1: if at < bytes.count { bytes.remove(at: at) }
      case 2: bytes.insert(alphabet[random.integer(below: alphabet.count)], at: at)
      case 3: if at < bytes.count { bytes[at] = alphabet[random.integer(below: alphabet.count)] }
      case 4: bytes.removeSubrange(at...)
      case 5:
        let other = samples[random.integer(below: samples.count)]
        bytes.replaceSubrange(at..., with: other[random.integer(below: other.count + 1)...])
      default:
        let end = min(bytes.count, at + random.integer(below: 16))
        bytes.insert(contentsOf: bytes[at..<end], at: at)
      }
    }
    body(bytes)
  }
}
