// One training step of an ensemble of networks: tiles of rows go forward and back with the rows in the lanes, then the
// weights' gradients are formed block by block, each with its optimiser step while it is in the first-level cache.
#include "training_layout.h"

// MARK: - Gradient of a layer's inputs

/// dx[i][row] = slope[i][row]·Σ_o weights[o·inputs + i]·dz[o][row], o ascending, on a tile of vectors·LANES rows.
typedef struct {
  int64_t inputs, outputs;
  const float *weights, *dz;
  float *slope_then_dx;
} tile_gradient;

INLINE void gradient_strip(const int rows, const int vectors, const tile_gradient *layer, int64_t input) {
  const int64_t width = vectors * LANES, inputs = layer->inputs;
  const float *weights = layer->weights + input;
  float *dx = layer->slope_then_dx + input * width;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) sums[i][j] = splat(0);
  }
  fetch_plan slopes = plan_fetch(dx, rows * width);
  int64_t k = 0;
  for (; k + LINE_FLOATS <= layer->outputs; k += LINE_FLOATS) {
    fetch_lines(&slopes, 3);
    accumulate_products(
        rows, vectors, LINE_FLOATS, weights + k * inputs, 1, inputs, layer->dz + k * width, width, sums);
  }
  accumulate_products(
      rows, vectors, layer->outputs - k, weights + k * inputs, 1, inputs, layer->dz + k * width, width, sums);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) {
      float *place = dx + i * width + j * LANES;
      store(place, sums[i][j] * load(place));
    }
  }
}

#define DEFINE_GRADIENT(vectors)                                                                               \
  NOINLINE void tile_gradient_##vectors(const tile_gradient *layer) {                                          \
    COVER_ROWS(vectors, layer->inputs, GRADIENT_STRIP_##vectors)                                               \
  }
#define GRADIENT_STRIP_1(height) gradient_strip(height, 1, layer, n)
#define GRADIENT_STRIP_2(height) gradient_strip(height, 2, layer, n)
#define GRADIENT_STRIP_3(height) gradient_strip(height, 3, layer, n)
#define GRADIENT_STRIP_4(height) gradient_strip(height, 4, layer, n)
FOR_EACH_WIDTH(DEFINE_GRADIENT)
#undef DEFINE_GRADIENT

#define ENTRY(vectors) [vectors] = tile_gradient_##vectors,
static void (*const gradient_kernels[TILE_VECTORS + 1])(const tile_gradient *layer) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY

// MARK: - Forward and back

static int64_t widest_layer(const ck_network *network) {
  int64_t widest = 0;
  for (int32_t l = 0; l <= network->layers; l++)
    if (network->widths[l] > widest) widest = network->widths[l];
  return widest;
}

/// The panels of `columns` columns, from the one at `column` on.
static int64_t panel_vectors_at(int64_t columns, int64_t column) {
  return next_panel_vectors((columns - column + LANES - 1) / LANES);
}

/// A tile of a layer's inputs, values [inputs][width], into its rows of the panels.
static void keep_inputs(
    const training_pass *pass, int32_t member, int32_t layer, int64_t tile, const float *values) {
  int64_t inputs = pass->network->widths[layer], rows = training_tile_rows(pass, tile), width = pass->width;
  float *panel = training_inputs(pass, member, layer);
  for (int64_t column = 0; column < inputs;) {
    int64_t panel_width = panel_vectors_at(inputs, column) * LANES, left = inputs - column;
    transpose(
        left < panel_width ? left : panel_width, rows, values + column * width, width,
        panel + tile * width * panel_width, panel_width, panel_width);
    panel += pass->tiles * width * panel_width;
    column += panel_width;
  }
}

/// The most panels of a tile that are fetched before they are written.
enum { FETCHED_PANELS = 32 };

/// Where `keep_inputs` will write.
static fetch_list plan_inputs(
    const training_pass *pass, int32_t member, int32_t layer, int64_t tile, fetch_plan plans[FETCHED_PANELS]) {
  int64_t inputs = pass->network->widths[layer], rows = training_tile_rows(pass, tile), count = 0;
  const float *panel = training_inputs(pass, member, layer);
  for (int64_t column = 0; column < inputs && count < FETCHED_PANELS; count++) {
    int64_t panel_width = panel_vectors_at(inputs, column) * LANES;
    plans[count] = plan_fetch(panel + tile * pass->width * panel_width, rows * panel_width);
    panel += pass->tiles * pass->width * panel_width;
    column += panel_width;
  }
  return (fetch_list){plans, count};
}

/// One tile of x [members, rows, inputs] forward; writes its rows of y [members, rows, outputs].
static void training_forward_variant(
    const training_pass *pass, const float *parameters, int32_t member, int64_t tile, const float *x, float *y) {
  const ck_network *network = pass->network;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile), row = member * pass->rows + tile * width;
  int64_t size = widest_layer(network) * width;
  float *values = ck_scratch(2 * size), *next = values + size;
  transpose(rows, network->widths[0], x + row * network->widths[0], network->widths[0], values, width, width);
  fetch_plan fetched[FETCHED_PANELS];
  for (int32_t l = 0; l < network->layers; l++) {
    int64_t inputs = network->widths[l], outputs = network->widths[l + 1];
    keep_inputs(pass, member, l, tile, values);
    tile_layer layer = {
        .inputs = inputs, .outputs = outputs, .weights = parameters + network->weights[l] + member * inputs * outputs,
        .bias = parameters + network->biases[l] + member * outputs, .x = values, .y = next};
    if (l + 1 < network->layers) {
      layer.derivative = training_slopes(pass, member, l, tile);
      layer.activation_and_derivative = derivative_loops[network->activation];
      layer.kept = plan_inputs(pass, member, l + 1, tile, fetched);
    }
    layer_kernels[width / LANES](&layer);
    float *output = next;
    next = values;
    values = output;
  }
  int64_t outputs = network->widths[network->layers];
  transpose(outputs, rows, values, width, y + row * outputs, outputs, outputs);
}

/// The same tile back: dy [members, rows, outputs]; puts the gradients of all sums in the slopes' places.
static void training_backward_variant(
    const training_pass *pass, const float *parameters, int32_t member, int64_t tile, const float *dy) {
  const ck_network *network = pass->network;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile), row = member * pass->rows + tile * width;
  int32_t last = network->layers - 1;
  int64_t outputs = network->widths[last + 1];
  float *dz = training_slopes(pass, member, last, tile);
  transpose(rows, outputs, dy + row * outputs, outputs, dz, width, width);
  for (int32_t l = last; l > 0; l--) {
    int64_t inputs = network->widths[l];
    tile_gradient gradient = {
        inputs, network->widths[l + 1],
        parameters + network->weights[l] + member * inputs * network->widths[l + 1], dz,
        training_slopes(pass, member, l - 1, tile)};
    gradient_kernels[width / LANES](&gradient);
    dz = gradient.slope_then_dx;
  }
}

// MARK: - Gradients of the weights, and the optimiser

/// Outputs whose gradients are formed before the optimiser takes them: they stay in the first-level cache.
enum { GROUP_OUTPUTS = LANES == 16 ? 8 : 12 };

/// The gradients of up to GROUP_OUTPUTS outputs against one panel of inputs.
typedef struct {
  const training_pass *pass;
  int64_t count;              ///< outputs
  const float *dz;            ///< the first tile, at the first output: [outputs][width]
  int64_t dz_tile;            ///< floats from tile to tile
  const float *panel;         ///< [rows][vectors·LANES]
  float *gradients;           ///< [count][stride], of the panel's first input on
  int64_t stride, valid;      ///< valid: lanes of the panel's last vector that exist
  fetch_plan *fetches[3];     ///< what the optimiser will change
  int64_t fetched_lines;      ///< of each, per piece of the products
} weight_panel;

INLINE void weight_strip(const int rows, const int vectors, const weight_panel *task, int64_t n) {
  const training_pass *pass = task->pass;
  const int64_t width = pass->width;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) sums[i][j] = splat(0);
  }
  for (int64_t tile = 0; tile < pass->tiles; tile++) {
    const float *dz = task->dz + tile * task->dz_tile + n * width;
    const float *panel = task->panel + tile * width * vectors * LANES;
    int64_t depth = training_tile_rows(pass, tile), k = 0;
    for (; k + LINE_FLOATS <= depth; k += LINE_FLOATS) {
      for (int i = 0; i < 3; i++) fetch_lines(task->fetches[i], task->fetched_lines);
      accumulate_products(
          rows, vectors, LINE_FLOATS, dz + k, width, 1, panel + k * vectors * LANES, vectors * LANES, sums);
    }
    accumulate_products(
        rows, vectors, depth - k, dz + k, width, 1, panel + k * vectors * LANES, vectors * LANES, sums);
  }
  store_strip(rows, vectors, sums, task->valid, task->gradients + n * task->stride, task->stride);
}

#define DEFINE_WEIGHTS(vectors)                                                                                \
  NOINLINE void weight_panel_##vectors(const weight_panel *task) {                                             \
    COVER_ROWS(vectors, task->count, WEIGHT_STRIP_##vectors)                                                   \
  }
#define WEIGHT_STRIP_1(height) weight_strip(height, 1, task, n)
#define WEIGHT_STRIP_2(height) weight_strip(height, 2, task, n)
#define WEIGHT_STRIP_3(height) weight_strip(height, 3, task, n)
#define WEIGHT_STRIP_4(height) weight_strip(height, 4, task, n)
FOR_EACH_WIDTH(DEFINE_WEIGHTS)
#undef DEFINE_WEIGHTS

#define ENTRY(vectors) [vectors] = weight_panel_##vectors,
static void (*const weight_kernels[TILE_VECTORS + 1])(const weight_panel *task) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY

/// sums[n] = Σ over the rows, in ascending order, of dz[n], for the outputs of a task.
static void sum_outputs(const weight_panel *task, float *sums) {
  const training_pass *pass = task->pass;
  for (int64_t n = 0; n < task->count; n += LANES) {
    int64_t outputs = task->count - n < LANES ? task->count - n : LANES;
    floats sum = splat(0);
    for (int64_t tile = 0; tile < pass->tiles; tile++) {
      const float *dz = task->dz + tile * task->dz_tile + n * pass->width;
      int64_t rows = training_tile_rows(pass, tile);
      for (int64_t row = 0; row < rows; row += LANES) {
        floats square[LANES];
        UNROLL for (int i = 0; i < LANES; i++) square[i] = i < outputs ? load(dz + i * pass->width + row) : splat(0);
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
    const training_pass *pass, const weight_update *update, int32_t member, int32_t layer, int64_t first,
    int64_t count) {
  const ck_network *network = pass->network;
  int64_t inputs = network->widths[layer], outputs = network->widths[layer + 1];
  float *gradients = ck_scratch(GROUP_OUTPUTS * inputs + count), *sums = gradients + GROUP_OUTPUTS * inputs;
  const float *inputs_in_panels = training_inputs(pass, member, layer);
  weight_panel task = {
      .pass = pass, .count = count, .dz = training_slopes(pass, member, layer, 0) + first * pass->width,
      .dz_tile = outputs * pass->width, .stride = inputs};
  sum_outputs(&task, sums);
  weight_update biases = *update;
  biases.adam.coupled_decay = 0;
  update_parameters(&biases, network->biases[layer] + member * outputs + first, count, sums);

  int64_t pieces = (pass->rows / LINE_FLOATS + 1) * ((inputs + TILE_VECTORS * LANES - 1) / (TILE_VECTORS * LANES));
  for (int64_t done = 0; done < count; done += GROUP_OUTPUTS, task.dz += GROUP_OUTPUTS * pass->width) {
    int64_t place = network->weights[layer] + (member * outputs + first + done) * inputs;
    task.count = count - done < GROUP_OUTPUTS ? count - done : GROUP_OUTPUTS;
    fetch_plan changed[3] = {
        plan_fetch(update->p ? update->p + place : NULL, task.count * inputs),
        plan_fetch(update->m ? update->m + place : NULL, task.count * inputs),
        plan_fetch(update->v ? update->v + place : NULL, task.count * inputs)};
    for (int i = 0; i < 3; i++) task.fetches[i] = &changed[i];
    task.fetched_lines = changed[0].lines / pieces + 1;
    task.panel = inputs_in_panels;
    for (int64_t column = 0; column < inputs;) {
      int64_t vectors = panel_vectors_at(inputs, column), valid = inputs - column - (vectors - 1) * LANES;
      task.valid = valid < LANES ? valid : LANES;
      task.gradients = gradients + column;
      weight_kernels[vectors](&task);
      task.panel += pass->tiles * pass->width * vectors * LANES;
      column += vectors * LANES;
    }
    update_parameters(update, place, task.count * inputs, gradients);
  }
}
