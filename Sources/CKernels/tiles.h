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

/// The sums of 16 virtual lanes: the upper half is added to the lower, four times over, as `folded` does.
INLINE floats folded_lanes(floats lanes[VIRTUAL_LANES]) {
  UNROLL for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2)
    UNROLL for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

/// Runs `body` for i = 0 … count − 1 with lane = i % 16, in whole rounds of 16 as far as they go: then the lanes are
/// registers.
#define FOR_EACH_LANE(count, i, lane, body) \
  do { \
    int64_t round = 0; \
    for (; round + VIRTUAL_LANES <= (count); round += VIRTUAL_LANES) \
      UNROLL for (int lane = 0; lane < VIRTUAL_LANES; lane++) { const int64_t i = round + lane; body } \
    UNROLL for (int lane = 0; lane < VIRTUAL_LANES; lane++) { \
      const int64_t i = round + lane; \
      if (i < (count)) body \
    } \
  } while (0)

/// As norm_silu_variant, in place.
static void tile_norm_silu_variant(
    int64_t tiles, int64_t width, int64_t columns, float epsilon, const float *scale, const ck_tiles *y) {
  for (int64_t tile = 0; tile < tiles; tile++) {
    for (int64_t row = 0; row < width; row += LANES) {
      float *x = tile_at(y, tile, width) + row;
      // Element i goes into lane i % 16, then the upper half of the lanes is added to the lower, four times over.
      floats lanes[VIRTUAL_LANES];
      UNROLL for (int lane = 0; lane < VIRTUAL_LANES; lane++) lanes[lane] = splat(0);
      FOR_EACH_LANE(columns, i, lane, {
        floats value = load(x + i * width);
        lanes[lane] = fmadd(value, value, lanes[lane]);
      });
      const floats factor =
          splat(1) / __builtin_elementwise_sqrt(folded_lanes(lanes) / splat((float)columns) + splat(epsilon));
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
        floats reset, candidate, update;
        gru_gates(
            load(gates + i), load(gates + size * width + i), load(gates + 2 * size * width + i), &reset, &candidate,
            &update);
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

/// Whole vectors of rows, past the caches: what a dream leaves behind is read when all of it is over, and is too much
/// to stay.
static void stream_rows_out(
    int64_t rows, int64_t width, int64_t columns, const ck_tiles *x, float *y, int64_t y_stride) {
  for (int64_t row = 0; row < rows; row += LANES) {
    const float *from = tile_at(x, row / width, width) + row % width;
    for (int64_t column = 0; column < columns; column += LANES) {
      floats v[LANES];
      UNROLL for (int i = 0; i < LANES; i++) v[i] = load(from + (column + i) * width);
      transpose_square(v);
      UNROLL for (int i = 0; i < LANES; i++)
        __builtin_nontemporal_store(v[i], (floats *)(y + (row + i) * y_stride + column));
    }
  }
  // Before anybody is told that the rows are there.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void tile_rows_out_variant(
    int64_t rows, int64_t width, int64_t columns, const ck_tiles *x, float *y, int64_t y_stride) {
  const int is_whole = rows % LANES == 0 && columns % LANES == 0 && y_stride % LANES == 0;
  if (is_whole && columns >= 64 && (uintptr_t)y % sizeof(floats) == 0)
    return stream_rows_out(rows, width, columns, x, y, y_stride);
  for (int64_t row = 0; row < rows; row += width) {
    int64_t left = rows - row < width ? rows - row : width;
    transpose(columns, left, tile_at(x, row / width, width), width, y + row * y_stride, y_stride, columns);
  }
}

/// The largest of `count` vectors, in four chains: one would wait for itself.
INLINE floats largest_of(int64_t count, int64_t width, const float *x) {
  enum { CHAINS = 4 };
  floats best[CHAINS];
  UNROLL for (int c = 0; c < CHAINS; c++) best[c] = load(x);
  int64_t i = 0;
  for (; i + CHAINS <= count; i += CHAINS) {
    UNROLL for (int c = 0; c < CHAINS; c++) {
      const floats next = load(x + (i + c) * width);
      best[c] = next > best[c] ? next : best[c];
    }
  }
  for (; i < count; i++) {
    const floats next = load(x + i * width);
    best[0] = next > best[0] ? next : best[0];
  }
  UNROLL for (int c = 1; c < CHAINS; c++) best[0] = best[c] > best[0] ? best[c] : best[0];
  return best[0];
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
        const floats largest = largest_of(classes, width, x);
        floats sum = splat(0), cumulative = splat(0);
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

/// As two_hot_mean_variant, of all rows of a vector at once.
static void tile_two_hot_mean_variant(
    int64_t rows, int64_t width, int64_t bins, const float *values, const ck_tiles *logits, float *mean) {
  const int64_t half = bins / 2;
  float *e = ck_scratch(bins * LANES);
  for (int64_t row = 0; row < rows; row += LANES) {
    const float *x = tile_at(logits, row / width, width) + row % width;
    floats sums[VIRTUAL_LANES], products[VIRTUAL_LANES];
    const floats largest = largest_of(bins, width, x);
    UNROLL for (int lane = 0; lane < VIRTUAL_LANES; lane++) sums[lane] = products[lane] = splat(0);
    for (int64_t i = 0; i < bins; i++) store(e + i * LANES, exp_of_negative(load(x + i * width) - largest));
    FOR_EACH_LANE(bins, i, lane, { sums[lane] += load(e + i * LANES); });
    FOR_EACH_LANE(half, i, lane, {
      floats gap = load(e + i * LANES) - load(e + (bins - 1 - i) * LANES);
      products[lane] = fmadd(gap, splat(values[i]), products[lane]);
    });
    const floats means = folded_lanes(products) / folded_lanes(sums);
    store_first(mean + row, means, rows - row < LANES ? rows - row : LANES);
  }
}
