import Environments
import Support
import TestSupport
import Testing

/// An environment's own picture as what is observed: the stand-in's, of three rows by four, in a Python with numpy.
@Suite(.enabled(if: PythonWorker.gymnasium != nil, "no Python has gymnasium: scripts/setup-gymnasium.sh classic"))
struct GymnasiumPictureTests {
  private let worker = PythonWorker()

  private func make(_ wrappers: JSONObject, _ kwargs: JSONObject = [:]) throws -> any Environment {
    var settings = worker.settings(kwargs)
    settings["python"] = .string(worker.python("fake", of: try #require(PythonWorker.gymnasium)))
    settings["wrappers"] = .object(wrappers)
    let (configuration, faults) = PythonWorker.configuration(settings)
    #expect(faults == [])
    return try configuration.make()
  }

  private func row(_ red: Float) -> [Float] { (0..<8).flatMap { _ in [red, 20, 30] } }

  @Test func aSmallPictureIsEnlarged() throws {
    var environment = try make(["pixels": .integer(8)])
    #expect(environment.specification.observationSpace == .image(height: 8, width: 8, channels: 3))
    try environment.reset(seed: 1)
    let white = [Float](repeating: 255, count: 24)
    let expected = [white, row(0), row(0), row(10), row(10), row(20), row(20), white].flatMap { $0 }
    #expect(environment.observed == expected)
    #expect(try environment.step(.discrete(2)).reward < 0)
    #expect(environment.observed == expected)
  }

  /// The mean of what falls into a pixel: the whole of the four pixels by three into two by one, white below.
  @Test func aLargePictureIsAveraged() throws {
    var environment = try make(["pixels": .integer(2)])
    try environment.reset(seed: 1)
    #expect(environment.observed == [10, 20, 30, 10, 20, 30, 255, 255, 255, 255, 255, 255])
  }

  @Test func otherWrappersStandAround() throws {
    var environment = try make(["pixels": .integer(2), "frameStack": .integer(2)])
    #expect(environment.specification.observationSpace == .image(height: 2, width: 2, channels: 6))
    try environment.reset(seed: 1)
    #expect(environment.observed.prefix(6) == [10, 20, 30, 10, 20, 30])
  }

  @Test func aGroupIsOneMessageAllTheSame() throws {
    var settings = worker.settings()
    settings["python"] = .string(worker.python("fake", of: try #require(PythonWorker.gymnasium)))
    settings["wrappers"] = ["pixels": .integer(8)]
    let group = try PythonWorker.configuration(settings).0.makeGroup(3) { UInt64($0) }
    try group.begin()
    for lane in 0..<3 { group.actions.set(lane, index: 1) }
    try group.step()
    for lane in 0..<3 { #expect(group.transitions.next.row(lane).array[24..<48] == row(0)[...]) }
  }

  @Test func whatDrawsNothingIsNamed() throws {
    var environment = try make(["pixels": .integer(8)], ["fault": "blind"])
    #expect {
      try environment.reset(seed: 0)
    } throws: {
      "\($0)".contains("render gave nothing in place of a picture; remove environment.wrappers.pixels")
    }
  }
}
