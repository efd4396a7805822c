import Environments
import Foundation
import Reports
import Support
import Testing

@Suite struct EpisodePictureTests {
  /// One strip per observation column and one for the reward; only the first episode; every point is finite.
  @Test func firstEpisodeIsDrawn() throws {
    let configuration = try #require(EnvironmentConfiguration(id: "LineWorld-v0"))
    let picture = EpisodePicture(try configuration.describe().specification, title: "a line")
    let action = RowBuffer(1, 1)
    action.rows[0, 0] = 1
    try walk(configuration, steps: 3) { environment, outcome in
      if outcome != nil { picture.append(ActionRows(action.rows, environment.specification.actionSpace)) }
      picture.append(environment, outcome)
    }
    let svg = picture.svg
    #expect(svg.contains("a line: 3 steps, return -9"))
    let strips = svg.split(separator: "\n").filter { $0.hasPrefix("<polyline") }
    #expect(strips.count == 3)
    for name in [">position<", ">move<", ">reward<"] { #expect(svg.contains(name)) }
    let points = strips.map { $0.split(separator: "points=\"")[1].split(separator: " ").count }
    #expect(points == [4, 3, 3])
    let isFinite = !svg.contains("nan") && !svg.contains("inf")
    #expect(isFinite)
  }

  /// One picture per state of the first episode; the last one stays for a second, the others as long as a state lasts.
  @Test func firstEpisodeMoves() throws {
    let configuration = try #require(EnvironmentConfiguration(id: "LineWorld-v0"))
    let movie = EpisodeMovie(try configuration.describe().specification)
    #expect(movie.bytes.isEmpty)
    try walk(configuration, steps: 20) { movie.append($0, $1) }
    let expected = [Int](repeating: 20, count: 20) + [100]
    #expect(durations(in: movie.bytes) == expected)
  }

  /// Of 2,500 states every third is shown, and the last.
  @Test func longEpisodeIsThinned() throws {
    var configuration = try #require(EnvironmentConfiguration(id: "LineWorld-v0"))
    configuration.stepLimit = 2500
    let movie = EpisodeMovie(try configuration.describe().specification)
    try walk(configuration, steps: 2500) { movie.append($0, $1) }
    #expect(durations(in: movie.bytes).count == 2501 / 3 + 2)
  }

  /// The picture with its caption below, and nothing of the second episode.
  @Test func lastStateOfTheFirstEpisodeStands() throws {
    let configuration = try #require(EnvironmentConfiguration(id: "LineWorld-v0"))
    let still = EpisodeStill()
    #expect(still.bytes.isEmpty)
    try walk(configuration, steps: 5) { still.append($0, $1) }
    let (movie, first) = (EpisodeMovie(try configuration.describe().specification), still.bytes)
    #expect(Array(first.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    var environment = try configuration.make()
    try environment.reset(seed: 0)
    movie.append(environment, nil)
    let sketch = try #require(environment.sketch)
    let height = Raster(sketch, width: 480).height + Raster.captionHeight
    #expect(Array(movie.bytes[8..<10]) == [UInt8(height & 0xFF), UInt8(height >> 8)])
    #expect(Array(first[20..<24]) == [0, 0, UInt8(height >> 8), UInt8(height & 0xFF)])
  }

  /// Of the pictures of a GIF file, in hundredths of a second.
  private func durations(in bytes: [UInt8]) -> [Int] {
    bytes.indices.dropLast(8).compactMap { place in
      bytes[place...].starts(with: [0x21, 0xF9, 4, 4])
        ? Int(bytes[place + 4]) | Int(bytes[place + 5]) << 8 : nil
    }
  }
}

/// Two episodes of `steps` steps each, of the first action or of 1.
func walk(
  _ configuration: EnvironmentConfiguration, steps: Int, _ onState: (any Environment, Outcome?) -> Void
) throws {
  var environment = try configuration.make()
  for episode in 0..<2 as Range<UInt64> {
    try environment.reset(seed: episode)
    onState(environment, nil)
    for _ in 0..<steps {
      let action: [Float] = [1]
      let outcome = try action.withUnsafeBufferPointer {
        try environment.step(environment.specification.actionSpace.isDiscrete ? .discrete(0) : .continuous($0))
      }
      onState(environment, outcome)
    }
  }
}
