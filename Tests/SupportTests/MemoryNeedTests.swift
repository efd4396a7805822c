import Support
import Testing

struct MemoryNeedTests {
  @Test func partsAddUp() {
    var one = MemoryNeed()
    one.add("a", bytes: 3, 4, 5)
    one.add("b", bytes: 100)
    #expect(one.bytes == 160)
    #expect(one.largest(1).map(\.what) == ["b"] && one.largest(9).count == 2)
    var all = MemoryNeed()
    all.add(one, times: 3)
    #expect(all.bytes == 480)
    #expect(MemoryNeed().bytes == 0)
  }

  /// What no Int holds counts as the greatest one, and nothing traps.
  @Test func nothingOverflows() {
    var need = MemoryNeed()
    need.add("a", bytes: .max, .max)
    need.add("b", bytes: 1 << 40, 1 << 40, 4)
    #expect(need.bytes == .max)
    var all = MemoryNeed()
    all.add(need, times: 1024)
    #expect(all.bytes == .max)
    #expect(MemoryRoom(bytes: 1, source: "").required(for: all) == .max)
  }

  /// Of a hard limit more is asked for than of memory that the machine can move to a disk.
  @Test func limitsNeedRoom() {
    var need = MemoryNeed()
    need.add("a", bytes: 1000 << 20)
    #expect(MemoryRoom(bytes: 0, source: "", isLimit: false).required(for: need) == 1000 << 20)
    #expect(MemoryRoom(bytes: 0, source: "").required(for: need) == 1314 << 20)
  }
}
