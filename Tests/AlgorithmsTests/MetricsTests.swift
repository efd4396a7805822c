import Algorithms
import Support
import Testing

struct MetricsTests {
  /// A checkpoint from before a column came, or with one that is gone, is read: what both know is under its name.
  @Test func columnsComeAndGo() throws {
    var old = Metrics(names: ["gone", "loss", "pending"])
    old.record("gone", 1)
    old.record("loss", -0.1)
    (old.updates, old.bufferSize) = (7, 30)
    let archive = Archive()
    try archive.part("metrics", &old)
    var new = Metrics(names: ["pending", "new", "loss"])
    for name in new.names { new.record(name, 5) }
    try Archive(scalars: archive.scalars, tensors: archive.tensors).part("metrics", &new)
    #expect(new.values == [nil, nil, -0.1])
    #expect(new.updates == 7 && new.bufferSize == 30)
  }
}
