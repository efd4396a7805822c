// Rows of mean 0 and deviation 1 where the rows lie in the lanes, and their gradient: the sums of normalize.h, in its
// order, so to its bits.

enum { FEATURE_CHAINS = ROW_CHAINS * VIRTUAL_LANES };

/// One row's place in normalize.h's sums: element i goes into lane i % 16 of chain i / 16 % 4. TERM(i, sum) is the sum
/// with element i added. Here all rows of a vector are taken at once, one lane of the sums after another.
#define SUM_FEATURES(result, columns, TERM)                                                                    \
  do {                                                                                                         \
    floats lanes[VIRTUAL_LANES];                                                                               \
    for (int64_t lane = 0; lane < VIRTUAL_LANES; lane++) {                                                     \
      floats chain[ROW_CHAINS];                                                                                \
      UNROLL for (int c = 0; c < ROW_CHAINS; c++) chain[c] = splat(0);                                         \
      int64_t at = lane;                                                                                       \
      for (; at + FEATURE_CHAINS - VIRTUAL_LANES < columns; at += FEATURE_CHAINS)                              \
        UNROLL for (int c = 0; c < ROW_CHAINS; c++) chain[c] = TERM(at + c * VIRTUAL_LANES, chain[c]);         \
      UNROLL for (int c = 0; c < ROW_CHAINS - 1; c++)                                                          \
        if (at + c * VIRTUAL_LANES < columns) chain[c] = TERM(at + c * VIRTUAL_LANES, chain[c]);               \
      lanes[lane] = (chain[0] + chain[1]) + (chain[2] + chain[3]);                                             \
    }                                                                                                          \
    for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2)                                                    \
      for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];                               \
    result = lanes[0];                                                                                         \
  } while (0)

/// x [columns][width] → y likewise, which may be x, and 1/√(variance + epsilon) of every row [width].
static void normalize_tile(
    int64_t columns, int64_t width, float epsilon, const float *x, float *y, float *inverse) {
  for (int64_t row = 0; row < width; row += LANES, x += LANES, y += LANES) {
    floats sum, squares;
#define ADD(i, s) s + load(x + (i) * width)
    SUM_FEATURES(sum, columns, ADD);
#undef ADD
    const floats mean = sum / splat((float)columns);
#define ADD_SQUARE(i, s) fmadd(load(x + (i) * width) - mean, load(x + (i) * width) - mean, s)
    SUM_FEATURES(squares, columns, ADD_SQUARE);
#undef ADD_SQUARE
    const floats factor =
        splat(1) / __builtin_elementwise_sqrt(squares / splat((float)columns) + splat(epsilon));
    store(inverse + row, factor);
    for (int64_t i = 0; i < columns; i++) store(y + i * width, (load(x + i * width) - mean) * factor);
  }
}

/// Σ x and Σ x·y of every row over the features, as two sums by themselves.
INLINE void sum_features_and_products(
    int64_t columns, int64_t width, const float *x, const float *y, floats *sum, floats *products) {
  floats sums[VIRTUAL_LANES], others[VIRTUAL_LANES];
  for (int64_t lane = 0; lane < VIRTUAL_LANES; lane++) {
    floats chain[ROW_CHAINS], other[ROW_CHAINS];
    UNROLL for (int c = 0; c < ROW_CHAINS; c++) chain[c] = other[c] = splat(0);
    int64_t at = lane;
    for (; at + FEATURE_CHAINS - VIRTUAL_LANES < columns; at += FEATURE_CHAINS) {
      UNROLL for (int c = 0; c < ROW_CHAINS; c++) {
        const int64_t place = (at + c * VIRTUAL_LANES) * width;
        const floats value = load(x + place);
        chain[c] += value;
        other[c] = fmadd(value, load(y + place), other[c]);
      }
    }
    UNROLL for (int c = 0; c < ROW_CHAINS - 1; c++) {
      const int64_t place = (at + c * VIRTUAL_LANES) * width;
      if (at + c * VIRTUAL_LANES >= columns) continue;
      chain[c] += load(x + place);
      other[c] = fmadd(load(x + place), load(y + place), other[c]);
    }
    sums[lane] = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    others[lane] = (other[0] + other[1]) + (other[2] + other[3]);
  }
  for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; lane++) {
      sums[lane] += sums[lane + half];
      others[lane] += others[lane + half];
    }
  }
  *sum = sums[0];
  *products = others[0];
}

/// The gradient of the sums before the activation, in the place of the activation's slopes [columns][width], from dy,
/// and from what `normalize_tile` gave.
static void normalize_tile_gradient(
    int64_t columns, int64_t width, const float *y, const float *inverse, const float *dy, float *slope_then_dz) {
  for (int64_t row = 0; row < width; row += LANES, y += LANES, dy += LANES, slope_then_dz += LANES) {
    floats sum, products;
    sum_features_and_products(columns, width, dy, y, &sum, &products);
    const floats mean = sum / splat((float)columns), projection = products / splat((float)columns);
    const floats factor = load(inverse + row);
    for (int64_t i = 0; i < columns; i++) {
      float *place = slope_then_dz + i * width;
      floats gradient = fmadd(-projection, load(y + i * width), load(dy + i * width) - mean) * factor;
      store(place, gradient * load(place));
    }
  }
}
#undef SUM_FEATURES
