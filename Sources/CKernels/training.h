// One training step of an ensemble of networks: tiles of rows go forward and back with the rows in the lanes; the
// weights follow in training_weights.h.
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
        .inputs = inputs, .outputs = outputs, .fetches_weights = tile == 0,
        .weights = parameters + network->weights[l] + member * inputs * outputs,
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
