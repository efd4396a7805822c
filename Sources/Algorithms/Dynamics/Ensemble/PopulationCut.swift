import CKernels

/// How a population is cut into chunks of plans: into whole tiles of the kernels, with some hundred rows for each pass
/// through a member's weights, and evenly among the threads.
struct PopulationCut {
  let chunks: Int
  private let units: Int
  private let plansPerUnit: Int
  private let population: Int
  /// More rows per pass gain nothing, and fewer chunks come out less even.
  private static let rowsPerPass = 96
  /// Rows of one vector of the widest kernels.
  private static let vectorRows = 16

  /// `rowsPerPlan`: how many particles of a plan one member moves in a step.
  init(population: Int, rowsPerPlan: Int, threads: Int) {
    self.population = population
    let isSmall = population * rowsPerPlan < 4 * threads * Int(CK_TILE_ROWS)
    plansPerUnit = max((isSmall ? PopulationCut.vectorRows : Int(CK_TILE_ROWS)) / rowsPerPlan, 1)
    units = (population + plansPerUnit - 1) / plansPerUnit
    let wanted = max(units * plansPerUnit * rowsPerPlan / PopulationCut.rowsPerPass, 1)
    chunks = min((wanted + threads - 1) / threads * threads, units)
  }

  /// The plans of a chunk.
  func plans(_ chunk: Int) -> Range<Int> {
    let first = units * chunk / chunks * plansPerUnit
    let end = units * (chunk + 1) / chunks * plansPerUnit
    return first..<min(end, population)
  }

  /// The most plans of any chunk.
  var capacity: Int { (units + chunks - 1) / chunks * plansPerUnit }
}
