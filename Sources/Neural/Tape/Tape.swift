import Support

/// Records a computation on float32 values and differentiates it in reverse.
///
/// Operations are methods; each computes at once and appends one plain node. All memory comes from one arena that
/// `rewind` gives back, so a loop that repeats the same work allocates nothing after its first rounds.
///
///     tape.rewind()
///     let prediction = network(tape.constant(inputs, batch: 5, rows: 32, columns: 6), on: tape)
///     store.clearGradients()
///     tape.backward(tape.meanSquaredError(prediction, targets))
///
/// Gradients of parameters are added into their stores; those of other nodes are read with `gradient(_:)`. A tape that
/// collects keeps the parameters' to itself until `addCollectedGradients`: several threads can differentiate at once,
/// each on its tape, and their sums have one order all the same.
package final class Tape {
  /// Threads for matrix products and large elementwise passes; results do not depend on it.
  let pool: ComputePool?
  var nodes: [Node] = []
  /// Inputs of nodes with more than three of them.
  var operands: [Int32] = []
  /// Stores whose parameters are on the tape, kept alive until `rewind`.
  var stores: [ParameterStore] = []
  /// Of a tape that collects, the gradients of all stores of which it has differentiated parameters.
  private var collected: [(store: ParameterStore, gradients: ParameterGradients)] = []
  private let collectsGradients: Bool
  /// Networks that are on the tape as one node each, kept alive likewise.
  var networks: [NetworkLayout] = []
  /// Nodes whose weights' gradients are put off, in the order in which the pass back met them.
  var postponed: [Int32] = []
  /// See `turned`; lists of a few.
  var usedWeights: [UsedWeights] = []
  private var arena = Arena()
  private var generation: UInt32 = 0
  var recordsGradients = true
  /// See `withFrozenParameters`.
  private(set) var freezesParameters = false
  /// Whether the backward pass under way keeps the gradients of parameters on the tape.
  var keepsGradients = false

  /// An empty tape; without a pool everything runs on the calling thread.
  package init(pool: ComputePool? = nil, collectsGradients: Bool = false) {
    (self.pool, self.collectsGradients) = (pool, collectsGradients)
  }

  /// Starts over. All tensors become invalid; the memory is kept.
  package func rewind() {
    nodes.removeAll(keepingCapacity: true)
    operands.removeAll(keepingCapacity: true)
    stores.removeAll(keepingCapacity: true)
    networks.removeAll(keepingCapacity: true)
    usedWeights.removeAll(keepingCapacity: true)
    arena.reset()
    generation &+= 1
  }

  /// Runs `body` without recording anything for a backward pass: no gradient will pass through what it computes.
  package func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    let outer = recordsGradients
    recordsGradients = false
    defer { recordsGradients = outer }
    return try body()
  }

  /// Runs `body` with all parameters frozen: gradients pass through what it computes, and into none of them.
  package func withFrozenParameters<Result>(_ body: () throws -> Result) rethrows -> Result {
    let outer = freezesParameters
    freezesParameters = true
    defer { freezesParameters = outer }
    return try body()
  }

  /// Runs `body` and gives back the memory of everything that it computed: tensors made inside are invalid after.
  package func scope<Result>(_ body: () throws -> Result) rethrows -> Result {
    let (mark, nodeCount, operandCount) = (arena.mark, nodes.count, operands.count)
    defer {
      arena.release(to: mark)
      nodes.removeLast(nodes.count - nodeCount)
      operands.removeLast(operands.count - operandCount)
      // Those that were turned inside have lost their memory.
      usedWeights.removeAll(keepingCapacity: true)
    }
    return try body()
  }

  /// Floats held by the tape, used or not.
  package var capacity: Int { arena.capacity }

  /// How many nodes have been recorded since the last rewind.
  package var nodeCount: Int { nodes.count }

  // MARK: Leaves

  /// A copy of `values` that takes no gradient, [batch, rows, columns].
  package func constant(_ values: UnsafeBufferPointer<Float>, batch: Int = 1, rows: Int = 1, columns: Int) -> Tensor {
    leaf(.constant, values, batch, rows, columns)
  }

  /// A constant that `fill` writes in place (a minibatch gathered without a copy in between). All of it must be set.
  package func constant(
    batch: Int = 1, rows: Int = 1, columns: Int, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows -> Tensor {
    try leaf(.constant, batch, rows, columns, fill)
  }

  /// Rows without gaps as a constant without a copy: [1, rows, columns]. They must outlive the pass and stay as they
  /// are.
  package func borrowed(_ rows: Rows) -> Tensor {
    precondition(rows.columnStride == 1 && rows.rowStride == rows.columns && rows.count > 0, "rows with gaps")
    return append(
      Node(
        operation: .constant, requiresGradient: false, batch: 1, rows: rows.count, columns: rows.columns,
        values: UnsafeMutablePointer(mutating: rows.base)))
  }

  /// A variable that `fill` writes in place. All of it must be set.
  package func variable(
    batch: Int = 1, rows: Int = 1, columns: Int, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows -> Tensor {
    try leaf(.variable, batch, rows, columns, fill)
  }

  /// A copy of `values` whose gradient can be read after `backward`.
  package func variable(_ values: UnsafeBufferPointer<Float>, batch: Int = 1, rows: Int = 1, columns: Int) -> Tensor {
    leaf(.variable, values, batch, rows, columns)
  }

  /// A parameter, without a copy: it has to stay as it is until the tape is rewound. Its gradient is added into the
  /// store; frozen, it takes none, but gradients still pass to the inputs of whatever it is used in.
  package func parameter(_ parameter: Parameter, of store: ParameterStore, frozen: Bool = false) -> Tensor {
    precondition(
      parameter.index < store.parameters.count && store.parameters[parameter.index].offset == parameter.offset,
      "parameter \(parameter.name) is not of this store")
    var place = stores.firstIndex { $0 === store } ?? -1
    if place < 0 {
      store.seal()
      place = stores.count
      stores.append(store)
    }
    var node = Node(
      operation: .parameter, requiresGradient: recordsGradients && !frozen && !freezesParameters,
      batch: parameter.batch, rows: parameter.rows, columns: parameter.columns,
      values: store.values(of: parameter).baseAddress!)
    node.start = place
    node.length = parameter.index
    return append(node)
  }

  /// One member of a parameter, without a copy; it takes no gradient.
  package func frozenMember(_ member: Int, of parameter: Parameter, in store: ParameterStore) -> Tensor {
    precondition(member >= 0 && member < parameter.batch, "member \(member) of \(parameter.batch)")
    let whole = self.parameter(parameter, of: store, frozen: true)
    var node = nodes[whole.index]
    node.operation = .constant
    node.batch = 1
    node.values += member * parameter.rows * parameter.columns
    return append(node)
  }

  /// Where the gradients of a store's parameters go.
  func destination(of store: ParameterStore) -> ParameterGradients {
    guard collectsGradients else { return store.ownGradients }
    if let known = collected.first(where: { $0.store === store }) { return known.gradients }
    let gradients = ParameterGradients(of: store)
    gradients.clear()
    collected.append((store, gradients))
    return gradients
  }

  /// Adds the gradients that were collected since the last time into their stores.
  package func addCollectedGradients() {
    for (store, gradients) in collected {
      gradients.add(store.parameters, to: store.ownGradients)
      gradients.clear()
    }
  }

  private func leaf(
    _ operation: Operation, _ batch: Int, _ rows: Int, _ columns: Int,
    _ fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows -> Tensor {
    precondition(batch > 0 && rows > 0 && columns > 0, "empty tensor [\(batch), \(rows), \(columns)]")
    let node = Node(
      operation: operation, requiresGradient: operation == .variable && recordsGradients, batch: batch, rows: rows,
      columns: columns, values: allocate(batch * rows * columns))
    try fill(UnsafeMutableBufferPointer(start: node.values, count: node.count))
    return append(node)
  }

  private func leaf(
    _ operation: Operation, _ values: UnsafeBufferPointer<Float>, _ batch: Int, _ rows: Int, _ columns: Int
  ) -> Tensor {
    precondition(
      values.count == batch * rows * columns, "\(values.count) values for shape [\(batch), \(rows), \(columns)]")
    return leaf(operation, batch, rows, columns) { _ = $0.update(fromContentsOf: values) }
  }

  // MARK: Reading

  /// The values, valid until the tape is rewound.
  package func values(_ tensor: Tensor) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: node(tensor).values, count: tensor.count)
  }

  /// One member's values [rows, columns], valid until the tape is rewound.
  package func rows(of tensor: Tensor, member: Int = 0) -> Rows {
    Rows(node(tensor).values + member * tensor.rows * tensor.columns, tensor.rows, tensor.columns)
  }

  /// The value of a [1, 1, 1] tensor.
  package func scalar(_ tensor: Tensor) -> Float {
    precondition(tensor.count == 1, "scalar of \(tensor.shape)")
    return node(tensor).values[0]
  }

  /// The gradient of the last `backward`'s loss, valid until the tape is rewound; zero where nothing contributed.
  /// A parameter's is what its store has accumulated, unless the pass has kept it. That of pictures' `normSiLU` is not
  /// kept.
  package func gradient(_ tensor: Tensor) -> UnsafeBufferPointer<Float> {
    let node = node(tensor)
    precondition(!node.isHandedOn, "the gradient of \(node.operation) is not kept")
    if let gradient = node.gradient { return UnsafeBufferPointer(start: gradient, count: tensor.count) }
    if node.operation == .parameter {
      return UnsafeBufferPointer(stores[node.start].gradients(of: stores[node.start].parameters[node.length]))
    }
    let zeros = allocate(tensor.count)
    zeros.update(repeating: 0, count: tensor.count)
    nodes[tensor.index].gradient = zeros
    return UnsafeBufferPointer(start: zeros, count: tensor.count)
  }

  /// Whether a backward pass would reach this tensor.
  package func requiresGradient(_ tensor: Tensor) -> Bool { node(tensor).requiresGradient }

  /// What computed this tensor.
  package func operation(of tensor: Tensor) -> Operation { node(tensor).operation }

  // MARK: For the operations

  func allocate(_ count: Int) -> UnsafeMutablePointer<Float> { arena.allocate(count) }

  /// Where the memory that is handed out ends.
  var arenaMark: Arena.Mark { arena.mark }

  /// Gives back everything that was handed out since.
  func release(to mark: Arena.Mark) { arena.release(to: mark) }

  /// Memory for the time of `body` only.
  @inline(__always)
  func withScratch<Result>(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Result) -> Result {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    return body(arena.allocate(count))
  }

  @inline(__always)
  func node(_ tensor: Tensor) -> Node {
    precondition(
      tensor.generation == generation && tensor.index < nodes.count, "tensor of an earlier pass or of another tape")
    return nodes[tensor.index]
  }

  /// A node with memory for its result; it requires a gradient if any of its inputs does.
  func makeNode(
    _ operation: Operation, _ batch: Int, _ rows: Int, _ columns: Int, _ first: Tensor, _ second: Tensor? = nil,
    _ third: Tensor? = nil, values: UnsafeMutablePointer<Float>? = nil
  ) -> Node {
    var requires = node(first).requiresGradient
    if let second { requires = node(second).requiresGradient || requires }
    if let third { requires = node(third).requiresGradient || requires }
    var new = Node(
      operation: operation, requiresGradient: requires && recordsGradients, batch: batch, rows: rows,
      columns: columns, values: values ?? allocate(batch * rows * columns))
    new.first = Int32(first.index)
    if let second { new.second = Int32(second.index) }
    if let third { new.third = Int32(third.index) }
    return new
  }

  func append(_ node: Node) -> Tensor {
    nodes.append(node)
    return Tensor(
      batch: node.batch, rows: node.rows, columns: node.columns, index: nodes.count - 1, generation: generation)
  }
}
