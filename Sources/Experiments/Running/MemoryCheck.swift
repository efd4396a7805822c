import Algorithms
import Support

/// Asks whether a run can be held in memory, before any of it is allocated.
package enum MemoryCheck {
  /// What `jobs` runs at the same time will hold, as far as the settings tell.
  /// - Parameter steps: environment steps whose transitions are kept; 0 for an evaluation, which needs none.
  /// - Throws: `ExperimentError.tooLarge` where this process cannot have that much.
  @discardableResult
  package static func need(
    of configuration: ExperimentConfiguration, jobs: Int = 1, steps: Int
  ) throws(ExperimentError) -> MemoryNeed {
    var need = MemoryNeed()
    do {
      let (task, lanes) = (try configuration.task(), configuration.training.environments)
      need.add(configuration.agent.settings.memory(task, lanes: lanes, steps: steps), times: jobs)
      // On the way from an environment to its agent; with 16 stacked pictures 5.4 were measured.
      need.add(
        "observations of training.environments \(lanes)", bytes: jobs, lanes,
        task.specification.observationSpace.size, 6, 4)
    } catch {
      throw ExperimentError(error)
    }
    if let room = Machine.availableMemory, room.required(for: need) > room.bytes {
      throw .tooLarge(need, room, jobs: jobs)
    }
    return need
  }
}
