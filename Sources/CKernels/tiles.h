// Layers of world models on tiles of rows that lie in the lanes, as a dream takes them through all its steps: every sum
// in the order of the kernels for whole matrices, so to their bits.

INLINE float *tile_at(const ck_tiles *view, int64_t tile, int64_t width) {
  return view->values + tile * view->stride * width;
}

static void tile_linear_variant(
    int64_t tiles, int64_t width, int64_t inputs, int64_t outputs, const ck_tiles *x, const float *w,
    const float *bias, const ck_tiles *y, int32_t accumulate) {
  for (int64_t tile = 0; tile < tiles; tile++) {
    // The first tile brings the weights near.
    tile_layer layer = {
        .inputs = inputs, .outputs = outputs, .weights = w, .bias = bias, .x = tile_at(x, tile, width),
        .y = tile_at(y, tile, width), .fetches_weights = tile == 0, .accumulates = accumulate};
    layer_kernels[width / LANES](&layer);
  }
}

/// As norm_silu_variant, in place.
static void tile_norm_silu_variant(
    int64_t tiles, int64_t width, int64_t columns, float epsilon, const float *scale, const ck_tiles *y) {
  for (int64_t tile = 0; tile < tiles; tile++) {
    for (int64_t row = 0; row < width; row += LANES) {
      float *x = tile_at(y, tile, width) + row;
      // Element i goes into lane i % 16, then the upper half of the lanes is added to the lower, four times over.
      floats lanes[VIRTUAL_LANES];
      for (int lane = 0; lane < VIRTUAL_LANES; lane++) lanes[lane] = splat(0);
      for (int64_t i = 0; i < columns; i++) {
        floats value = load(x + i * width), *sum = &lanes[i % VIRTUAL_LANES];
        *sum = fmadd(value, value, *sum);
      }
      for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
      const floats factor =
          splat(1) / __builtin_elementwise_sqrt(lanes[0] / splat((float)columns) + splat(epsilon));
      for (int64_t i = 0; i < columns; i++)
        store(x + i * width, activate(CK_SILU, load(x + i * width) * factor * splat(scale[i])));
    }
  }
}

/// The gates of one block after another, and what they make of its part of h.
static void tile_block_gru_variant(
    int64_t tiles, int64_t width, int64_t blocks, int64_t size, const ck_tiles *x, const float *w, const float *bias,
    const ck_tiles *h) {
  float *gates = ck_scratch(3 * size * width);
  for (int64_t block = 0; block < blocks; block++) {
    for (int64_t tile = 0; tile < tiles; tile++) {
      tile_layer layer = {
          .inputs = size, .outputs = 3 * size, .weights = w + block * 3 * size * size, .bias = bias + block * 3 * size,
          .x = tile_at(x, tile, width) + block * size * width, .y = gates, .fetches_weights = tile == 0};
      layer_kernels[width / LANES](&layer);
      // As block_gru_variant.
      float *state = tile_at(h, tile, width) + block * size * width;
      for (int64_t i = 0; i < size * width; i += LANES) {
        floats reset = activate(CK_SIGMOID, load(gates + i));
        floats candidate = hyperbolic_tangent(reset * load(gates + size * width + i));
        floats update = activate(CK_SIGMOID, load(gates + 2 * size * width + i) - splat(1));
        store(state + i, fmadd(update, candidate, (splat(1) - update) * load(state + i)));
      }
    }
  }
}

/// Rows into the lanes; lanes without a row become 0.
static void tile_rows_in_variant(
    int64_t rows, int64_t width, int64_t columns, const float *x, int64_t x_stride, const ck_tiles *y) {
  for (int64_t row = 0; row < rows; row += width) {
    int64_t left = rows - row < width ? rows - row : width;
    transpose(left, columns, x + row * x_stride, x_stride, tile_at(y, row / width, width), width, width);
  }
}

static void tile_rows_out_variant(
    int64_t rows, int64_t width, int64_t columns, const ck_tiles *x, float *y, int64_t y_stride) {
  for (int64_t row = 0; row < rows; row += width) {
    int64_t left = rows - row < width ? rows - row : width;
    transpose(columns, left, tile_at(x, row / width, width), width, y + row * y_stride, y_stride, columns);
  }
}

/// As one_hot_sample_variant, a latent of all rows of a vector at once.
static void tile_one_hot_sample_variant(
    int64_t tiles, int64_t width, int64_t latents, int64_t classes, float unimix, const ck_tiles *logits,
    const ck_tiles *draws, const ck_tiles *y) {
  const floats keep = splat(1 - unimix), floor = splat(unimix / (float)classes);
  float *p = ck_scratch(classes * LANES);
  for (int64_t tile = 0; tile < tiles; tile++) {
    for (int64_t latent = 0; latent < latents; latent++) {
      for (int64_t row = 0; row < width; row += LANES) {
        const float *x = tile_at(logits, tile, width) + latent * classes * width + row;
        float *out = tile_at(y, tile, width) + latent * classes * width + row;
        const floats draw = load(tile_at(draws, tile, width) + latent * width + row);
        floats largest = load(x), sum = splat(0), cumulative = splat(0);
        for (int64_t c = 1; c < classes; c++) {
          floats next = load(x + c * width);
          largest = next > largest ? next : largest;
        }
        for (int64_t c = 0; c < classes; c++) {
          floats e = exp_full(load(x + c * width) - largest);
          store(p + c * LANES, e);
          sum += e;
        }
        const floats factor = splat(1) / sum;
        // The chances to stay below never fall: the class is how many of them the draw is not below.
        ints chosen = (ints)0;
        for (int64_t c = 0; c < classes; c++) {
          floats chance = load(p + c * LANES) * factor;
          store(p + c * LANES, chance);
          chance = keep * chance + floor;
          cumulative += chance;
          chosen += draw < cumulative ? (ints)0 : (ints)1;
        }
        chosen = chosen < (int32_t)classes ? chosen : (ints)((int32_t)classes - 1);
        if (unimix == 0) {
          for (int64_t c = classes - 1; c > 0; c--)
            chosen = ((chosen == (int32_t)c) & (load(p + c * LANES) == splat(0))) ? (ints)((int32_t)c - 1) : chosen;
        }
        chosen = draw >= splat(2) ? __builtin_convertvector(draw, ints) - 2 : chosen;
        for (int64_t c = 0; c < classes; c++) {
          floats one = chosen == (int32_t)c ? splat(1) : splat(0);
          store(out + c * width, draw < splat(0) ? keep * load(p + c * LANES) + floor : one);
        }
      }
    }
  }
}
