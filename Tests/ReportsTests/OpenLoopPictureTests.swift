import Algorithms
import Environments
import Foundation
import Reports
import Support
import Testing

/// What a world model expects, drawn beside what there was.
struct OpenLoopPictureTests {
  /// Expects what was seen as long as it sees, and after that `error` more in every column.
  private final class Model: OpenLoopModel {
    let error: Float
    private(set) var known = 0
    private(set) var actions: [Float] = []
    init(error: Float) { self.error = error }

    func predict(
      _ observations: Rows, actions: Rows, known: Int, random: RandomStream, into predictions: MutableRows,
      rewards: MutableRows?
    ) {
      (self.known, self.actions) = (known, actions.array)
      for step in 0..<observations.count {
        for column in 0..<observations.columns {
          predictions[step, column] = observations[step, column] + (step < known ? 0 : error)
        }
      }
    }
  }

  private func picture(_ id: String, steps: Int) throws -> OpenLoopPicture {
    let configuration = try #require(EnvironmentConfiguration(id: id))
    let picture = OpenLoopPicture(try configuration.describe().specification)
    let action = RowBuffer(1, id == "LineWorld-v0" ? 1 : 2)
    action.rows.fill(1)
    try walk(configuration, steps: steps) { environment, outcome in
      if outcome != nil { picture.append(ActionRows(action.rows, environment.specification.actionSpace)) }
      picture.append(environment, outcome)
    }
    return picture
  }

  @Test func errorsStepByStep() throws {
    let model = Model(error: 2)
    let bytes = try #require(try picture("LineWorld-v0", steps: 6).bytes(model, .csv))
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.first == "step,open_loop_steps,error" && model.known == 4)
    // Seven states, of which four are seen.
    let expected = ["0,0,0.0", "1,0,0.0", "2,0,0.0", "3,0,0.0", "4,1,2.0", "5,2,2.0", "6,3,2.0"]
    #expect(lines.dropFirst().map(String.init) == expected)
    #expect(model.actions.prefix(6).allSatisfy { $0 == 1 })
  }

  @Test func everyColumnHasBothLines() throws {
    let svg = String(
      decoding: try #require(try picture("LineWorld-v0", steps: 6).bytes(Model(error: 2), .svg)), as: UTF8.self)
    #expect(svg.split(separator: "\n").count { $0.contains("<polyline") } == 2)
    #expect(svg.contains("position") && !svg.contains("nan"))
  }

  /// Truth, prediction and error below each other and a bar; numbers make no picture.
  @Test func picturesOfPictures() throws {
    let frames = try picture("FrameCounter-v0", steps: 9)
    let png = try #require(frames.bytes(Model(error: 30), .png))
    // Ten states of 96 columns with lines between them; three times 96 rows and a bar of four.
    #expect(bigEndian(png, at: 16) == 10 * 96 + 9 && bigEndian(png, at: 20) == 3 * 96 + 4)
    let gif = try #require(frames.bytes(Model(error: 30), .gif))
    #expect(gif.starts(with: Array("GIF89a".utf8)))
    #expect(frames.bytes(Model(error: 0), .png) != png)
    #expect(try picture("LineWorld-v0", steps: 3).bytes(Model(error: 0), .png) == nil)
    #expect(try picture("LineWorld-v0", steps: 3).bytes(Model(error: 0), .gif) == nil)
  }

  private func bigEndian(_ bytes: [UInt8], at place: Int) -> Int {
    bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// All of the episode is seen; every state has its picture, beside it what is rebuilt, and there is nothing for
  /// observations that are numbers.
  @Test func whatIsRebuiltStandsBesideWhatIsSeen() throws {
    let configuration = try #require(EnvironmentConfiguration(id: "FrameCounter-v0"))
    let movie = try #require(ReconstructionMovie(try configuration.describe().specification))
    let model = Model(error: 0)
    #expect(movie.bytes(model, isStill: true).isEmpty)
    let action = RowBuffer(1, 2)
    try walk(configuration, steps: 5) { environment, outcome in
      if outcome != nil { movie.append(ActionRows(action.rows, environment.specification.actionSpace)) }
      movie.append(environment, outcome)
    }
    let png = movie.bytes(model, isStill: true)
    #expect(bigEndian(png, at: 16) == 2 * 240 + 1 && bigEndian(png, at: 20) == 240 + 2 * Raster.captionHeight)
    #expect(model.known == 6)
    #expect(movie.bytes(model, isStill: false).starts(with: Array("GIF89a".utf8)))
    let line = try #require(EnvironmentConfiguration(id: "LineWorld-v0"))
    #expect(ReconstructionMovie(try line.describe().specification) == nil)
  }
}
