import Environments
import Experiments
import Foundation
import Support
import Testing

@Suite struct EpisodePictureTests {
  /// One strip per observation column and one for the reward; only the first episode; every point is finite.
  @Test func firstEpisodeIsDrawn() throws {
    var configuration = EnvironmentConfiguration()
    Fields.read(&configuration, from: JSONObject([("id", .string("LineWorld-v0"))]))
    let picture = EpisodePicture(configuration, title: "a line")
    var environment = configuration.make()
    for episode in 0..<2 as Range<UInt64> {
      environment.reset(seed: episode)
      picture.append(environment, nil)
      for _ in 0..<3 {
        let action: [Float] = [1]
        let outcome = try action.withUnsafeBufferPointer { try environment.step(.continuous($0)) }
        picture.append(environment, outcome)
      }
    }
    let svg = picture.svg
    #expect(svg.contains("a line: 3 steps, return -9"))
    let strips = svg.split(separator: "\n").filter { $0.hasPrefix("<polyline") }
    #expect(strips.count == 2)
    let points = strips.map { $0.split(separator: "points=\"")[1].split(separator: " ").count }
    #expect(points == [4, 3])
    let isFinite = !svg.contains("nan") && !svg.contains("inf")
    #expect(isFinite)
  }
}
