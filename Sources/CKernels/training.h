// One training step of an ensemble of networks: tiles of rows go forward and back with the rows in the lanes, then the
// weights' gradients are formed block by block, each with its optimiser step while it is in the first-level cache.
#include "training_layout.h"

// MARK: - Gradient of a layer's inputs

/// dx[i][row] = slope[i][row]·Σ_o weights[o·inputs + i]·dz[o][row], o ascending, on a tile of vectors·LANES rows; or
/// without the slope.
typedef struct {
  int64_t inputs, outputs;
  const float *weights, *dz;
  float *slope_then_dx;
  fetch_list kept;          ///< what is read after the layer, to be fetched meanwhile
  int32_t fetches_weights;  ///< as a tile_layer's
} tile_gradient;

INLINE void gradient_strip(
    const int rows, const int vectors, const int has_slope, const tile_gradient *layer, int64_t input,
    fetch_list *kept) {
  const int64_t width = vectors * LANES, inputs = layer->inputs;
  const float *weights = layer->weights + input;
  float *dx = layer->slope_then_dx + input * width;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  FOR_EACH_VECTOR(i, j) sums[i][j] = splat(0);
  fetch_plan slopes = plan_fetch(has_slope ? dx : NULL, rows * width);
  int64_t k = 0;
  for (; k + LINE_FLOATS <= layer->outputs; k += LINE_FLOATS) {
    fetch_lines(&slopes, 3);
    fetch_lines_of(kept, 3);
    // The next strip's weights lie far apart, so that no other mechanism fetches them in time.
    if (layer->fetches_weights) {
      UNROLL for (int i = 0; i < LINE_FLOATS; i++)
        __builtin_prefetch(weights + (k + i) * inputs + 2 * rows - 1, 0, 2);
    }
    accumulate_products(
        rows, vectors, LINE_FLOATS, weights + k * inputs, 1, inputs, layer->dz + k * width, width, sums);
  }
  accumulate_products(
      rows, vectors, layer->outputs - k, weights + k * inputs, 1, inputs, layer->dz + k * width, width, sums);
  FOR_EACH_VECTOR(i, j) {
    float *place = dx + i * width + j * LANES;
    store(place, has_slope ? sums[i][j] * load(place) : sums[i][j]);
  }
}

#define DEFINE_GRADIENT(vectors)                                                                               \
  NOINLINE void tile_gradient_##vectors(const tile_gradient *layer) {                                          \
    fetch_list kept = {0};                                                                                     \
    COVER_ROWS(vectors, layer->inputs, GRADIENT_STRIP)                                                         \
  }                                                                                                            \
  NOINLINE void raw_tile_gradient_##vectors(const tile_gradient *layer) {                                      \
    fetch_list kept = layer->kept;                                                                             \
    COVER_ROWS(vectors, layer->inputs, RAW_GRADIENT_STRIP)                                                     \
  }
#define GRADIENT_STRIP(height, vectors) gradient_strip(height, vectors, 1, layer, n, &kept)
#define RAW_GRADIENT_STRIP(height, vectors) gradient_strip(height, vectors, 0, layer, n, &kept)
FOR_EACH_WIDTH(DEFINE_GRADIENT)
#undef DEFINE_GRADIENT

#define ENTRY(vectors) [vectors] = tile_gradient_##vectors,
static void (*const gradient_kernels[TILE_VECTORS + 1])(const tile_gradient *layer) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY
#define ENTRY(vectors) [vectors] = raw_tile_gradient_##vectors,
static void (*const raw_gradient_kernels[TILE_VECTORS + 1])(const tile_gradient *layer) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY

// MARK: - Forward and back

/// The panels of `columns` columns, from the one at `column` on.
static int64_t panel_vectors_at(int64_t columns, int64_t column) {
  return next_panel_vectors((columns - column + LANES - 1) / LANES);
}

/// Whether a layer's panels have room for a column of ones behind the inputs: its products are the biases' gradients.
INLINE int has_ones(int64_t inputs) { return inputs % LANES != 0; }

/// A tile of a layer's inputs, values [inputs][width], into its rows of the panels, and ones behind them if they fit.
static void keep_inputs(
    const member_pass *pass, int32_t layer, int64_t tile, const float *values) {
  int64_t inputs = pass->network->widths[layer], rows = training_tile_rows(pass, tile);
  int64_t width = pass->width;
  float *panel = training_inputs(pass, layer);
  for (int64_t column = 0; column < inputs;) {
    int64_t panel_width = panel_vectors_at(inputs, column) * LANES, left = inputs - column;
    transpose(
        left < panel_width ? left : panel_width, rows, values + column * width, width,
        panel + tile * width * panel_width, panel_width, panel_width);
    for (int64_t row = 0; left < panel_width && has_ones(inputs) && row < rows; row++)
      panel[(tile * width + row) * panel_width + left] = 1;
    panel += pass->padded_rows * panel_width;
    column += panel_width;
  }
}

/// The most panels of a tile that are fetched before they are written.
enum { FETCHED_PANELS = 32 };

/// Where the normalised values of a layer, and its inputs of the next by `keep_inputs`, will be written.
static fetch_list plan_kept(const member_pass *pass, int32_t layer, int64_t tile, fetch_plan plans[FETCHED_PANELS]) {
  int64_t inputs = pass->network->widths[layer + 1], rows = training_tile_rows(pass, tile), count = 0;
  int64_t width = pass->width;
  if (is_normalized(pass->network, layer))
    plans[count++] = plan_fetch(training_normalized(pass, layer, tile), inputs * width);
  if (pass->keeps != CK_KEEP_ALL) return (fetch_list){plans, count};
  const float *panel = training_inputs(pass, layer + 1);
  for (int64_t column = 0; column < inputs && count < FETCHED_PANELS; count++) {
    int64_t panel_width = panel_vectors_at(inputs, column) * LANES;
    plans[count] = plan_fetch(panel + tile * width * panel_width, rows * panel_width);
    panel += pass->padded_rows * panel_width;
    column += panel_width;
  }
  return (fetch_list){plans, count};
}

/// One tile of the minibatch forward; writes its rows of the outputs.
static void training_forward_variant(const member_pass *pass, const float *parameters, int64_t tile) {
  const ck_network *network = pass->network;
  const int32_t member = pass->member;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile);
  int64_t row = tile * width;
  int64_t size = widest_layer(network->layers, network->widths) * width;
  float *values = ck_scratch(3 * size), *next = values + size, *spare = next + size;
  transpose(
      rows, network->widths[0], pass->x + row * network->widths[0], network->widths[0], values, width, width);
  fetch_plan fetched[FETCHED_PANELS];
  for (int32_t l = 0; l < network->layers; l++) {
    int64_t inputs = network->widths[l], outputs = network->widths[l + 1];
    if (pass->keeps == CK_KEEP_ALL) keep_inputs(pass, l, tile, values);
    tile_layer layer = {
        .inputs = inputs, .outputs = outputs, .fetches_weights = tile == 0, .weights = parameters + network->weights[l] + member * inputs * outputs,
        .bias = parameters + network->biases[l] + member * outputs, .x = values, .y = next};
    if (l + 1 < network->layers && pass->keeps == CK_KEEP_NOTHING) {
      layer.activation = activation_loops[network->activation];
    } else if (l + 1 < network->layers) {
      layer.derivative = training_slopes(pass, l, tile);
      layer.activation_and_derivative = derivative_loops[network->activation];
      layer.kept = plan_kept(pass, l, tile, fetched);
    }
    layer_kernels[width / LANES](&layer);
    if (is_normalized(network, l)) {
      // What is kept is the next layer's input where it lies.
      const int is_kept = pass->keeps != CK_KEEP_NOTHING;
      values = is_kept ? training_normalized(pass, l, tile) : spare;
      float unused[TILE_VECTORS * LANES];
      normalize_tile(
          outputs, width, network->epsilons[l], next, values, is_kept ? training_inverses(pass, l, tile) : unused);
    } else {
      float *output = next;
      next = values;
      values = output;
    }
  }
  int64_t outputs = network->widths[network->layers];
  transpose(outputs, rows, values, width, pass->y + row * outputs, outputs, outputs);
}

/// The same tile back from the gradients of the outputs; puts the gradients of all sums in the slopes' places.
static void training_backward_variant(const member_pass *pass, const float *parameters, int64_t tile) {
  const ck_network *network = pass->network;
  const int32_t member = pass->member;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile);
  int32_t last = network->layers - 1;
  int64_t outputs = network->widths[last + 1];
  float *dz = training_slopes(pass, last, tile);
  transpose(rows, outputs, pass->dy + tile * width * outputs, outputs, dz, width, width);
  for (int32_t l = last; l > 0; l--) {
    int64_t inputs = network->widths[l];
    float *slopes = training_slopes(pass, l - 1, tile);
    tile_gradient gradient = {
        inputs, network->widths[l + 1],
        parameters + network->weights[l] + member * inputs * network->widths[l + 1], dz, slopes,
        .fetches_weights = tile == 0};
    if (is_normalized(network, l - 1)) {
      const float *values = training_normalized(pass, l - 1, tile);
      fetch_plan fetched[] = {plan_fetch(values, inputs * width), plan_fetch(slopes, inputs * width)};
      gradient.kept = (fetch_list){fetched, 2};
      gradient.slope_then_dx = ck_scratch(inputs * width);
      raw_gradient_kernels[width / LANES](&gradient);
      normalize_tile_gradient(
          inputs, width, values, training_inverses(pass, l - 1, tile), gradient.slope_then_dx, slopes);
    } else {
      gradient_kernels[width / LANES](&gradient);
    }
    dz = slopes;
  }
}

/// dx[i][row] += Σ_o weights[o·inputs + i]·dz[o][row], o ascending, as one chain with what is there.
INLINE void input_strip(const int rows, const int vectors, const tile_gradient *layer, int64_t input) {
  const int64_t width = vectors * LANES, inputs = layer->inputs;
  float *dx = layer->slope_then_dx + input * width;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  FOR_EACH_VECTOR(i, j) sums[i][j] = load(dx + i * width + j * LANES);
  accumulate_products(
      rows, vectors, layer->outputs, layer->weights + input, 1, inputs, layer->dz, width, sums);
  FOR_EACH_VECTOR(i, j) store(dx + i * width + j * LANES, sums[i][j]);
}

#define DEFINE_INPUTS(vectors)                                                                                 \
  NOINLINE void tile_inputs_##vectors(const tile_gradient *layer, int64_t count) {                             \
    COVER_ROWS(vectors, count, INPUT_STRIP)                                                                    \
  }
#define INPUT_STRIP(height, vectors) input_strip(height, vectors, layer, n)
FOR_EACH_WIDTH(DEFINE_INPUTS)
#undef DEFINE_INPUTS

#define ENTRY(vectors) [vectors] = tile_inputs_##vectors,
static void (*const input_kernels[TILE_VECTORS + 1])(const tile_gradient *layer, int64_t count) = {
    FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY

/// After the way back, the gradients of a tile's inputs, dx [rows][inputs], in the columns from `first` on; they are
/// added to what is there, or take its place.
static void training_inputs_variant(
    const member_pass *pass, const float *parameters, int64_t tile, int64_t first, int32_t accumulate, float *dx) {
  const ck_network *network = pass->network;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile);
  int64_t inputs = network->widths[0], outputs = network->widths[1], count = inputs - first;
  float *values = ck_scratch(count * width);
  dx += tile * width * inputs + first;
  memset(values, 0, (size_t)(count * width) * sizeof(float));
  if (accumulate) transpose(rows, count, dx, inputs, values, width, width);
  tile_gradient gradient = {
      inputs, outputs, parameters + network->weights[0] + pass->member * inputs * outputs + first,
      training_slopes(pass, 0, tile), values};
  input_kernels[width / LANES](&gradient, count);
  transpose(count, rows, values, width, dx, inputs, count);
}

// MARK: - Gradients of the weights, and the optimiser

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
