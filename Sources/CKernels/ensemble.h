// One step of a learned model, tile by tile: a tile of rows lies in the lanes and goes through all layers while it is
// in cache; one layer's output is the next one's input panel.

/// The rows of one tile: vectors·LANES of them, those from `count` on repeat the last one and are not stored.
typedef struct {
  int64_t count, width;
  int64_t first_row;     ///< of contiguous rows
  const int32_t *index;  ///< of this tile's rows; NULL: contiguous
} tile_rows;

static int64_t row_of(const tile_rows *tile, int64_t lane) {
  if (lane >= tile->count) lane = tile->count - 1;
  return tile->index ? tile->index[lane] : tile->first_row + lane;
}

static void gather(const tile_rows *tile, const float *column, float *lanes) {
  if (!tile->index && tile->count == tile->width) {
    for (int64_t j = 0; j < tile->width; j += LANES) store(lanes + j, load(column + tile->first_row + j));
  } else {
    for (int64_t j = 0; j < tile->width; j++) lanes[j] = column[row_of(tile, j)];
  }
}

static void scatter(const tile_rows *tile, const float *lanes, float *column) {
  if (!tile->index && tile->count == tile->width) {
    for (int64_t j = 0; j < tile->width; j += LANES) store(column + tile->first_row + j, load(lanes + j));
  } else {
    for (int64_t j = 0; j < tile->count; j++) column[row_of(tile, j)] = lanes[j];
  }
}

/// The network's inputs of a tile: features of `observation` [observation_size][width], then the actions, normalised.
static void ensemble_inputs(
    const ck_ensemble *ensemble, const tile_rows *tile, const ck_rows *rows, const float *observation, float *input) {
  for (int32_t d = 0; d < ensemble->widths[0]; d++, input += tile->width) {
    int32_t kind = CK_FEATURE_VALUE;
    const float *source = input;
    if (d < ensemble->feature_count) {
      kind = ensemble->feature_kind[d];
      source = observation + ensemble->feature_index[d] * tile->width;
    } else {
      gather(tile, rows->action + (d - ensemble->feature_count) * rows->stride, input);
    }
    floats mean = splat(ensemble->input_mean[d]), scale = splat(ensemble->input_inverse_deviation[d]);
    for (int64_t j = 0; j < tile->width; j += LANES) {
      floats x = load(source + j), sine, cosine;
      if (kind != CK_FEATURE_VALUE) {
        sine_cosine(x, &sine, &cosine);
        x = kind == CK_FEATURE_SIN ? sine : cosine;
      }
      store(input + j, (x - mean) * scale);
    }
  }
}

/// The kernels of layers in bfloat16, by the width of the tile in vectors.
static const paired_layer_kernel *paired_layers(void) {
#if LANES == 16
  if (ck_bfloat16_is_native()) return native_layers;
#endif
  return emulated_layers;
}

/// Runs a tile through all layers; returns the output [widths[layers]][width], in one of the two buffers.
static float *ensemble_network(
    const ck_ensemble *ensemble, int32_t member, int64_t width, float *input, float *other) {
  for (int32_t l = 0; l < ensemble->layers; l++) {
    int64_t inputs = ensemble->widths[l], outputs = ensemble->widths[l + 1];
    const float *weights = ensemble->weights[l] + member * inputs * outputs;
    const float *bias = ensemble->biases[l] + member * outputs;
    int is_last = l + 1 == ensemble->layers;
    activation_loop activation = is_last ? NULL : activation_loops[ensemble->activation];
    const uint32_t *pairs = ensemble->pairs[l];
    int gives_pairs = !is_last && ensemble->pairs[l + 1];
    if (pairs || gives_pairs) {
      if (pairs) pairs += member * outputs * ((inputs + 1) / 2);
      paired_layer layer = {inputs, outputs, weights, pairs, bias, input, other, activation, gives_pairs};
      paired_layers()[width / LANES](&layer);
    } else {
      tile_layer layer = {inputs, outputs, weights, bias, input, other, activation};
      layer_kernels[width / LANES](&layer);
    }
    float *output = other;
    other = input;
    input = output;
  }
  return input;
}

/// In place: the means [targets][width] become samples, the raw log-variances behind them become variances.
static void ensemble_samples(
    const ck_ensemble *ensemble, int32_t targets, const tile_rows *tile, uint32_t first_identity,
    const ck_noise *noise, float *output) {
  int64_t width = tile->width;
  for (int64_t j = 0; j < width; j += LANES) {
    words identity = (words)splat(0);
    if (noise) {
      if (tile->index) {
        UNROLL for (int lane = 0; lane < LANES; lane++) identity[lane] = (uint32_t)row_of(tile, j + lane);
      } else {
        identity = (words)(uint32_t)(tile->first_row + j) + lane_numbers();
      }
      identity += (words)first_identity;
    }
    floats normals[4];
    for (int32_t d = 0; d < targets; d++) {
      if (noise && d % 4 == 0) {
        words counter[4] = {identity, (words)noise->step, (words)noise->iteration, (words)(uint32_t)(d / 4)};
        four_normals(counter, noise->key, normals);
      }
      float *mean = output + d * width + j, *raw = output + (targets + d) * width + j;
      floats high = splat(ensemble->maximum_log_variance[d]), low = splat(ensemble->minimum_log_variance[d]);
      floats bounded = high - softplus(high - load(raw));
      bounded = low + softplus(bounded - low);
      int is_termination = ensemble->learns_termination && d == targets - 1;
      if (noise && !is_termination)
        store(mean, fmadd(exp_full(splat(0.5f) * bounded), normals[d % 4], load(mean)));
      store(raw, exp_full(bounded));
    }
  }
}

/// One tile; `workspace` is 64-byte aligned.
static void ensemble_tile(
    const ck_ensemble *ensemble, int32_t member, const tile_rows *tile, uint32_t first_identity, const ck_rows *rows,
    const ck_noise *noise, int32_t targets, int32_t widest, float *workspace) {
  int64_t width = tile->width;
  float *input = workspace, *other = input + widest * width, *observation = other + widest * width;
  for (int32_t d = 0; d < ensemble->observation_size; d++)
    gather(tile, rows->observation + d * rows->stride, observation + d * width);
  ensemble_inputs(ensemble, tile, rows, observation, input);
  float *output = ensemble_network(ensemble, member, width, input, other);

  for (int32_t d = 0; rows->mean && d < targets; d++)
    scatter(tile, output + d * width, rows->mean + d * rows->stride);
  if (ensemble->is_probabilistic && (noise || rows->variance))
    ensemble_samples(ensemble, targets, tile, first_identity, noise, output);
  for (int32_t d = 0; rows->variance && d < targets; d++) {
    if (ensemble->is_probabilistic) {
      scatter(tile, output + (targets + d) * width, rows->variance + d * rows->stride);
    } else {
      for (int64_t lane = 0; lane < tile->count; lane++) rows->variance[d * rows->stride + row_of(tile, lane)] = 0;
    }
  }

  for (int32_t d = 0; d < ensemble->observation_size; d++) {
    float *next = output + d * width;
    if (ensemble->target_is_delta[d])
      for (int64_t j = 0; j < width; j += LANES)
        store(next + j, load(observation + d * width + j) + load(next + j));
    scatter(tile, next, rows->next_observation + d * rows->stride);
  }
  const float *extra = output + ensemble->observation_size * width;
  if (ensemble->learns_reward) {
    if (rows->reward) scatter(tile, extra, rows->reward);
    extra += width;
  }
  if (ensemble->learns_termination && rows->termination) scatter(tile, extra, rows->termination);
}

static void ensemble_step_variant(
    const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
    uint32_t first_identity, const ck_rows *rows, const ck_noise *noise, float *workspace) {
  int32_t targets =
      ensemble->observation_size + (ensemble->learns_reward != 0) + (ensemble->learns_termination != 0);
  int32_t widest = widest_layer(ensemble->layers, ensemble->widths);
  float *aligned = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);

  for (int64_t done = 0; done < count;) {
    int64_t left = count - done, vectors = (left + LANES - 1) / LANES;
    tile_rows tile = {.first_row = first_row + done};
    tile.width = (vectors < TILE_VECTORS ? vectors : TILE_VECTORS) * LANES;
    tile.count = left < tile.width ? left : tile.width;
    tile.index = index ? index + done : NULL;
    ensemble_tile(ensemble, member, &tile, first_identity, rows, noise, targets, widest, aligned);
    done += tile.count;
  }
}
