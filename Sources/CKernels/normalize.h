// Rows of mean 0 and deviation 1, and their gradient. Sums run in 64 virtual lanes of single precision, folded in a
// fixed order, so that they are the same in every variant.

// All that take or give vectors wider than the variant's are inlined: no calling convention is concerned.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float sixteen __attribute__((ext_vector_type(VIRTUAL_LANES)));
enum { ROW_CHAINS = 4 };

/// Σ of all lanes: chain by chain, then the upper half added to the lower, four times over.
INLINE float fold_chains(const sixteen sums[ROW_CHAINS]) {
  sixteen all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float lanes[VIRTUAL_LANES];
  memcpy(lanes, &all, sizeof lanes);
  for (int width = VIRTUAL_LANES / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

/// `rest` (1...16) floats, zeros behind them.
INLINE sixteen load_sixteen(const float *p, int64_t rest) {
  if (rest >= VIRTUAL_LANES) return *(const sixteen_floats *)p;
  float part[VIRTUAL_LANES] = {0};
  memcpy(part, p, (size_t)rest * sizeof(float));
  sixteen v;
  memcpy(&v, part, sizeof v);
  return v;
}

INLINE void store_sixteen(float *p, sixteen v, int64_t rest) {
  memcpy(p, &v, (size_t)(rest < VIRTUAL_LANES ? rest : VIRTUAL_LANES) * sizeof(float));
}

static void normalize_rows_variant(
    int64_t rows, int64_t columns, float epsilon, const float *x, float *y, float *inverse) {
  for (int64_t row = 0; row < rows; row++, x += columns, y += columns) {
    sixteen sums[ROW_CHAINS] = {0};
    for (int64_t i = 0; i < columns; i += VIRTUAL_LANES)
      sums[i / VIRTUAL_LANES % ROW_CHAINS] += load_sixteen(x + i, columns - i);
    const sixteen mean = (sixteen)(fold_chains(sums) / (float)columns);
    sixteen squares[ROW_CHAINS] = {0};
    for (int64_t i = 0; i < columns; i += VIRTUAL_LANES) {
      store_sixteen(y + i, load_sixteen(x + i, columns - i) - mean, columns - i);
      sixteen centred = load_sixteen(y + i, columns - i), *sum = &squares[i / VIRTUAL_LANES % ROW_CHAINS];
      *sum = __builtin_elementwise_fma(centred, centred, *sum);
    }
    const float factor = 1 / __builtin_sqrtf(fold_chains(squares) / (float)columns + epsilon);
    inverse[row] = factor;
    for (int64_t i = 0; i < columns; i += VIRTUAL_LANES)
      store_sixteen(y + i, load_sixteen(y + i, columns - i) * (sixteen)factor, columns - i);
  }
}

static void normalize_rows_gradient_variant(
    int64_t rows, int64_t columns, const float *y, const float *inverse, const float *dy, float *dx,
    int32_t accumulate) {
  for (int64_t row = 0; row < rows; row++, y += columns, dy += columns, dx += columns) {
    sixteen sums[ROW_CHAINS] = {0}, products[ROW_CHAINS] = {0};
    for (int64_t i = 0; i < columns; i += VIRTUAL_LANES) {
      const int64_t chain = i / VIRTUAL_LANES % ROW_CHAINS;
      sixteen g = load_sixteen(dy + i, columns - i);
      sums[chain] += g;
      products[chain] = __builtin_elementwise_fma(g, load_sixteen(y + i, columns - i), products[chain]);
    }
    const sixteen mean = (sixteen)(fold_chains(sums) / (float)columns);
    const sixteen projection = (sixteen)(fold_chains(products) / (float)columns), factor = (sixteen)inverse[row];
    for (int64_t i = 0; i < columns; i += VIRTUAL_LANES) {
      sixteen centred = load_sixteen(dy + i, columns - i) - mean;
      sixteen gradient =
          __builtin_elementwise_fma(-projection, load_sixteen(y + i, columns - i), centred) * factor;
      store_sixteen(dx + i, accumulate ? load_sixteen(dx + i, columns - i) + gradient : gradient, columns - i);
    }
  }
}
