import Support

/// What a search changes of what is kept between searches, with copies to go back to where it is interrupted.
struct KeptBuffers {
  private let live: [FloatBuffer]
  private let copies: [FloatBuffer]

  init(_ live: FloatBuffer...) {
    self.live = live
    copies = live.map { FloatBuffer(count: $0.count) }
  }

  /// Runs a search; the buffers are as before where it throws.
  func restoringOnError<Result>(_ search: () throws -> Result) rethrows -> Result {
    for index in live.indices { copies[index].base.update(from: live[index].base, count: live[index].count) }
    do {
      return try search()
    } catch {
      for index in live.indices { live[index].base.update(from: copies[index].base, count: live[index].count) }
      throw error
    }
  }
}
