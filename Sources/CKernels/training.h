// One training step of an ensemble of networks: tiles of rows go forward and back with the rows in the lanes, then the
// weights' gradients are formed block by block, each with its optimiser step while it is in the registers.
#include "training_layout.h"

// MARK: - Gradient of a layer's inputs

/// dx[i][row] = Σ_o weights[o·inputs + i]·dz[o][row], o ascending, on a tile of vectors·LANES rows.
typedef struct {
  int64_t inputs, outputs;
  const float *weights, *dz;
  float *dx;
} tile_gradient;

INLINE void gradient_strip(const int rows, const int vectors, const tile_gradient *layer, int64_t input) {
  const int64_t width = vectors * LANES;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) sums[i][j] = splat(0);
  }
  accumulate_products(
      rows, vectors, layer->outputs, layer->weights + input, 1, layer->inputs, layer->dz, width, sums);
  float *dx = layer->dx + input * width;
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) store(dx + i * width + j * LANES, sums[i][j]);
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

/// One tile of x [members, rows, inputs] forward; writes its rows of y [members, rows, outputs].
static void training_forward_variant(
    const training_pass *pass, const float *parameters, int32_t member, int64_t tile, const float *x, float *y) {
  const ck_network *network = pass->network;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile), row = member * pass->rows + tile * width;
  float *values = ck_scratch(widest_layer(network) * width);
  transpose(rows, network->widths[0], x + row * network->widths[0], network->widths[0], values, width, width);
  for (int32_t l = 0; l < network->layers; l++) {
    int64_t inputs = network->widths[l], outputs = network->widths[l + 1];
    transpose(inputs, rows, values, width, training_inputs(pass, member, l) + tile * width * inputs, inputs, inputs);
    float *sums = training_tile_sums(pass, member, l, tile);
    tile_layer layer = {
        inputs, outputs, parameters + network->weights[l] + member * inputs * outputs,
        parameters + network->biases[l] + member * outputs, values, sums, NULL, NULL, 0};
    if (l + 1 < network->layers) {
      layer.kept_stride = outputs;
      layer.kept = training_inputs(pass, member, l + 1) + tile * width * outputs;
    }
    layer_kernels[width / LANES](&layer);
    if (l + 1 < network->layers)
      activation_loops[network->activation](outputs * width, sums, values);
    else
      transpose(outputs, rows, sums, width, y + row * outputs, outputs, outputs);
  }
}

/// The same tile back: dy [members, rows, outputs]; puts the gradients of all sums in their places, row-major.
static void training_backward_variant(
    const training_pass *pass, const float *parameters, int32_t member, int64_t tile, const float *dy) {
  const ck_network *network = pass->network;
  int64_t width = pass->width, rows = training_tile_rows(pass, tile), row = member * pass->rows + tile * width;
  int32_t last = network->layers - 1;
  int64_t outputs = network->widths[last + 1], size = widest_layer(network) * width;
  float *dz = ck_scratch(2 * size), *dx = dz + size;
  transpose(rows, outputs, dy + row * outputs, outputs, dz, width, width);
  memcpy(
      training_tile_sums(pass, member, last, tile), dy + row * outputs, (size_t)(rows * outputs) * sizeof(float));
  for (int32_t l = last; l > 0; l--) {
    int64_t inputs = network->widths[l];
    tile_gradient gradient = {
        inputs, network->widths[l + 1],
        parameters + network->weights[l] + member * inputs * network->widths[l + 1], dz, dx};
    gradient_kernels[width / LANES](&gradient);
    float *sums = training_tile_sums(pass, member, l - 1, tile);
    gradient_loops[network->activation](inputs * width, sums, dx, dx, 0);
    transpose(inputs, rows, dx, width, sums, inputs, inputs);
    float *next = dz;
    dz = dx;
    dx = next;
  }
}

// MARK: - Gradients of the weights, and the optimiser

/// `count` gradients that belong at `place` of the flat buffers: a step with them, or a copy.
static void update_parameters(const weight_update *update, int64_t place, int64_t count, const float *gradients) {
  if (update->g) memcpy(update->g + place, gradients, (size_t)count * sizeof(float));
  else adam_step_variant(&update->adam, count, update->p + place, gradients, update->m + place, update->v + place);
}

/// Gradients and step of `count` outputs from `first` on, their biases included. The step follows while the gradients
/// are in cache.
static void training_weights_variant(
    const training_pass *pass, const weight_update *update, int32_t member, int32_t layer, int64_t first,
    int64_t count) {
  const ck_network *network = pass->network;
  int64_t inputs = network->widths[layer], outputs = network->widths[layer + 1];
  const float *dz = training_sums(pass, member, layer) + first;
  float *gradients = ck_second_scratch(count * (inputs + 1)), *bias_gradients = gradients + count * inputs;
  product block = {
      .rows = count, .columns = inputs, .depth = pass->rows,
      .left = dz, .left_row = 1, .left_depth = outputs,
      .right = training_inputs(pass, member, layer), .right_stride = inputs,
      .out = gradients, .y = gradients, .out_stride = inputs,
  };
  multiply_packed(&block);
  column_sums_variant(pass->rows, count, dz, outputs, 0, bias_gradients);
  update_parameters(update, network->weights[layer] + (member * outputs + first) * inputs, count * inputs, gradients);
  weight_update biases = *update;
  biases.adam.coupled_decay = 0;
  update_parameters(&biases, network->biases[layer] + member * outputs + first, count, bias_gradients);
}
