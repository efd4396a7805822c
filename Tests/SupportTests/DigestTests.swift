import Support
import Testing

struct DigestTests {
  /// FIPS 180-4's examples.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
  ])
  func examples(text: String, digest: String) {
    #expect(Digest.sha256(text) == digest)
  }

  @Test func aMillionLetters() {
    let digest = Digest.sha256(String(repeating: "a", count: 1_000_000))
    #expect(digest == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  /// xxHash's own test values.
  @Test(arguments: [
    ("", "ef46db3751d8e999"), ("a", "d24ec4f1a98c6e5b"), ("abc", "44bc2cf5ad770999"),
    ("Nobody inspects the spammish repetition", "fbcea83c8a378bf1"),
  ])
  func checksums(text: String, checksum: String) {
    #expect(FileChecksum.of(Array(text.utf8)) == checksum)
  }

  @Test func piecesMakeNoDifference() {
    var random = RandomStream(seed: 5)
    let bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: random.nextBits()) }
    let checksum = FileChecksum.of(bytes)
    for _ in 0..<200 {
      var sum = FileChecksum()
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + random.integer(below: 150))
        bytes[start..<end].withUnsafeBytes { sum.update($0) }
        start = end
      }
      #expect(sum.text == checksum)
    }
  }

  @Test func oneBitMatters() {
    var bytes = [UInt8](repeating: 0, count: 100)
    let digest = Digest.sha256(String(decoding: bytes, as: UTF8.self))
    let checksum = FileChecksum.of(bytes)
    bytes[99] = 1
    #expect(Digest.sha256(String(decoding: bytes, as: UTF8.self)) != digest)
    #expect(FileChecksum.of(bytes) != checksum)
  }
}
