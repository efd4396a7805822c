// The weights' gradients of a training step are formed block by block, each with its optimiser step while it is in the
// first-level cache.

/// The gradients of a block of outputs against one panel of inputs, and what becomes of them.
typedef struct {
  const member_pass *pass;
  const weight_update *update;
  int64_t count;          ///< outputs
  int64_t inputs;         ///< floats from one output's weights to the next one's
  const float *dz;        ///< the first tile, at the first output: [outputs][width]
  int64_t dz_tile;        ///< floats from tile to tile
  const float *panel;     ///< [rows][vectors·LANES]
  int64_t valid;          ///< lanes of the panel's last vector that exist
  float *ones_sums;       ///< for the products with the ones that follow them, [count]; NULL: none follow
  int64_t place;          ///< in the flat buffers: the first output's weight of the panel's first input
  int64_t next_place;     ///< the same of the next panel; that of this one, where there is none
} weight_panel;

/// Parameters and moments that are changed next, to be fetched row by row while products are formed.
typedef struct {
  const weight_update *update;
  int64_t place, stride;
  int64_t rows;  ///< left to fetch
} parameter_fetch;

INLINE void fetch_parameters(const int vectors, parameter_fetch *fetch, int64_t rows) {
  for (; rows > 0 && fetch->rows > 0; rows--, fetch->rows--, fetch->place += fetch->stride) {
    const float *buffers[3] = {fetch->update->p, fetch->update->m, fetch->update->v};
    UNROLL for (int b = 0; b < 3; b++) {
      const float *first = buffers[b] + fetch->place;
      UNROLL for (int j = 0; j < vectors * LANES; j += LINE_FLOATS) __builtin_prefetch(first + j, 1);
      __builtin_prefetch(first + vectors * LANES - 1, 1);
    }
  }
}

/// One step of the optimiser with gradients that are still in registers, or these themselves.
INLINE void update_strip(
    const int rows, const int vectors, const weight_panel *task, int64_t n,
    floats gradients[TALLEST_STRIP][TILE_VECTORS]) {
  const weight_update *update = task->update;
  const int64_t place = task->place + n * task->inputs;
  if (update->g) {
    store_strip(rows, vectors, gradients, task->valid, update->g + place, task->inputs);
    return;
  }
  const adam_factors factors = update->adam;
  UNROLL for (int i = 0; i < rows; i++) {
    const int64_t row = place + i * task->inputs;
    UNROLL for (int j = 0; j < vectors; j++) {
      const int64_t at = row + j * LANES;
      adam_vector(
          &factors, gradients[i][j], j < vectors - 1 ? LANES : task->valid, update->p + at, update->m + at,
          update->v + at);
    }
  }
}

/// sums += dz·inputs over all rows, in pieces of some rows between which the fetches are spread: many at once would
/// hold up the operands' loads.
INLINE void weight_products(
    const int rows, const int vectors, const int piece, const weight_panel *task, int64_t n, parameter_fetch *fetch,
    floats sums[TALLEST_STRIP][TILE_VECTORS]) {
  const member_pass *pass = task->pass;
  const int64_t width = pass->width, tiles = training_tiles(pass);
  const int64_t fetched_rows = (rows * piece + pass->rows - 1) / pass->rows;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const float *dz = task->dz + tile * task->dz_tile + n * width;
    const float *panel = task->panel + tile * width * vectors * LANES;
    int64_t depth = training_tile_rows(pass, tile), k = 0;
    for (; k + piece <= depth; k += piece) {
      fetch_parameters(vectors, fetch, fetched_rows);
      accumulate_products(
          rows, vectors, piece, dz + k, width, 1, panel + k * vectors * LANES, vectors * LANES, sums);
    }
    accumulate_products(
        rows, vectors, depth - k, dz + k, width, 1, panel + k * vectors * LANES, vectors * LANES, sums);
  }
}

/// What a strip's sums start from: 0, or the gradients that are there, the biases' in the place of the ones.
INLINE void start_sums(
    const int rows, const int vectors, const weight_panel *task, int64_t n,
    floats sums[TALLEST_STRIP][TILE_VECTORS]) {
  FOR_EACH_VECTOR(i, j) sums[i][j] = splat(0);
  if (!task->update->accumulates) return;
  const float *g = task->update->g + task->place + n * task->inputs;
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) {
      const int64_t valid = j < vectors - 1 ? LANES : task->valid;
      float lanes[LANES] = {0};
      memcpy(lanes, g + i * task->inputs + j * LANES, (size_t)valid * sizeof(float));
      if (valid < LANES && task->ones_sums) lanes[valid] = task->ones_sums[n + i];
      sums[i][j] = load(lanes);
    }
  }
}

INLINE void weight_strip(const int rows, const int vectors, const weight_panel *task, int64_t n) {
  const member_pass *pass = task->pass;
  const int64_t left = task->count - n - rows;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  start_sums(rows, vectors, task, n, sums);
  // The next strip's, or those of the next panel's first strip; gradients need none.
  parameter_fetch fetch = {
      .update = task->update,
      .place = left > 0 ? task->place + (n + rows) * task->inputs : task->next_place,
      .stride = task->inputs,
      .rows = task->update->g ? 0 : left > 0 && left < rows ? left : rows,
  };
  if (pass->rows >= 64) weight_products(rows, vectors, 16, task, n, &fetch, sums);
  else weight_products(rows, vectors, 4, task, n, &fetch, sums);
  if (task->ones_sums) {
    UNROLL for (int i = 0; i < rows; i++) {
      float last[LANES];
      store(last, sums[i][vectors - 1]);
      task->ones_sums[n + i] = last[task->valid];
    }
  }
  update_strip(rows, vectors, task, n, sums);
}

#define DEFINE_WEIGHTS(vectors)                                                                                \
  NOINLINE void weight_panel_##vectors(const weight_panel *task) {                                             \
    COVER_ROWS(vectors, task->count, WEIGHT_STRIP)                                                             \
  }
#define WEIGHT_STRIP(height, vectors) weight_strip(height, vectors, task, n)
FOR_EACH_WIDTH(DEFINE_WEIGHTS)
#undef DEFINE_WEIGHTS

#define ENTRY(vectors) [vectors] = weight_panel_##vectors,
static void (*const weight_kernels[TILE_VECTORS + 1])(const weight_panel *task) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY

/// sums[n] += Σ over the rows, in ascending order, of dz[n], for the outputs of a task, where there are no ones.
static void sum_outputs(const weight_panel *task, float *sums) {
  const member_pass *pass = task->pass;
  const int64_t width = pass->width, tiles = training_tiles(pass);
  for (int64_t n = 0; n < task->count; n += LANES) {
    int64_t outputs = task->count - n < LANES ? task->count - n : LANES;
    floats sum = load_first(sums + n, outputs);
    for (int64_t tile = 0; tile < tiles; tile++) {
      const float *dz = task->dz + tile * task->dz_tile + n * width;
      int64_t rows = training_tile_rows(pass, tile);
      for (int64_t row = 0; row < rows; row += LANES) {
        floats square[LANES];
        UNROLL for (int i = 0; i < LANES; i++) square[i] = i < outputs ? load(dz + i * width + row) : splat(0);
        transpose_square(square);
        UNROLL for (int i = 0; i < LANES; i++)
          if (row + i < rows) sum += square[i];
      }
    }
    store_first(sums + n, sum, outputs);
  }
}

/// `count` gradients that belong at `place` of the flat buffers: a step with them, or a copy.
static void update_parameters(const weight_update *update, int64_t place, int64_t count, const float *gradients) {
  if (update->g) memcpy(update->g + place, gradients, (size_t)count * sizeof(float));
  else adam_step_variant(&update->adam, count, update->p + place, gradients, update->m + place, update->v + place);
}

/// Gradients and step of `count` outputs from `first` on, their biases included.
static void training_weights_variant(
    const member_pass *pass, const weight_update *update, int32_t layer, int64_t first, int64_t count) {
  const ck_network *network = pass->network;
  const int32_t member = pass->member;
  int64_t inputs = network->widths[layer], outputs = network->widths[layer + 1];
  weight_panel task = {
      .pass = pass, .update = update, .count = count, .inputs = inputs,
      .dz = training_slopes(pass, layer, 0) + first * pass->width,
      .dz_tile = outputs * pass->width,
      .panel = training_inputs(pass, layer),
      .place = network->weights[layer] + (member * outputs + first) * inputs};
  float *sums = ck_scratch(count);
  if (update->accumulates)
    memcpy(
        sums, update->g + network->biases[layer] + member * outputs + first, (size_t)count * sizeof(float));
  else
    memset(sums, 0, (size_t)count * sizeof(float));
  if (!has_ones(inputs)) sum_outputs(&task, sums);
  for (int64_t column = 0; column < inputs;) {
    int64_t vectors = panel_vectors_at(inputs, column), valid = inputs - column - (vectors - 1) * LANES;
    task.valid = valid < LANES ? valid : LANES;
    column += vectors * LANES;
    task.next_place = column < inputs ? task.place + vectors * LANES : task.place;
    task.ones_sums = column < inputs || !has_ones(inputs) ? NULL : sums;
    weight_kernels[vectors](&task);
    task.place = task.next_place;
    task.panel += pass->padded_rows * vectors * LANES;
  }
  weight_update biases = *update;
  biases.adam.coupled_decay = 0;
  update_parameters(&biases, network->biases[layer] + member * outputs + first, count, sums);
}
