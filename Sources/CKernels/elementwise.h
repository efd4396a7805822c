// Loops over flat buffers: elementary functions, the optimiser, reductions.

INLINE floats unary(const int function, floats x) {
  floats sine, cosine;
  switch (function) {
    case CK_EXP: return exp_full(x);
    case CK_LOG: return log_full(x);
    case CK_SIN: sine_cosine(x, &sine, &cosine); return sine;
    case CK_COS: sine_cosine(x, &sine, &cosine); return cosine;
    case CK_SQRT: return __builtin_elementwise_sqrt(x);
    default: return log_one_plus(x);
  }
}

INLINE void unary_loop(const int function, int64_t count, const float *x, float *y) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(y + i, unary(function, load(x + i)));
  if (i < count) store_first(y + i, unary(function, load_first(x + i, count - i)), count - i);
}

static void unary_variant(int32_t function, int64_t count, const float *x, float *y) {
  switch (function) {
    case CK_EXP: unary_loop(CK_EXP, count, x, y); break;
    case CK_LOG: unary_loop(CK_LOG, count, x, y); break;
    case CK_SIN: unary_loop(CK_SIN, count, x, y); break;
    case CK_COS: unary_loop(CK_COS, count, x, y); break;
    case CK_SQRT: unary_loop(CK_SQRT, count, x, y); break;
    case CK_LOG1P: unary_loop(CK_LOG1P, count, x, y); break;
  }
}

// MARK: - Optimiser

INLINE void adam_part(const adam_factors *adam, floats *p, floats g, floats *m, floats *v) {
  g = fmadd(splat(adam->coupled_decay), *p, g * splat(adam->gradient_scale));
  *m = fmadd(splat(adam->beta1), *m, splat(adam->one_minus_beta1) * g);
  *v = fmadd(splat(adam->beta2), *v, splat(adam->one_minus_beta2) * (g * g));
  floats denominator =
      fmadd(__builtin_elementwise_sqrt(*v), splat(adam->square_root_factor), splat(adam->epsilon));
  *p = *p * splat(adam->keep) - splat(adam->rate) * *m / denominator;
}

/// A step of the first `valid` of a vector of parameters, all of them where `valid` is at least LANES.
INLINE void adam_vector(const adam_factors *adam, floats g, int64_t valid, float *p, float *m, float *v) {
  if (valid >= LANES) {
    floats parameter = load(p), mean = load(m), square = load(v);
    adam_part(adam, &parameter, g, &mean, &square);
    store(p, parameter);
    store(m, mean);
    store(v, square);
  } else {
    floats parameter = load_first(p, valid), mean = load_first(m, valid), square = load_first(v, valid);
    adam_part(adam, &parameter, g, &mean, &square);
    store_first(p, parameter, valid);
    store_first(m, mean, valid);
    store_first(v, square, valid);
  }
}

static void adam_step_variant(
    const adam_factors *adam, int64_t count, float *p, const float *g, float *m, float *v) {
  const adam_factors factors = *adam;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) adam_vector(&factors, load(g + i), LANES, p + i, m + i, v + i);
  int64_t rest = count - i;
  if (rest > 0) adam_vector(&factors, load_first(g + i, rest), rest, p + i, m + i, v + i);
}

static void polyak_variant(int64_t count, float rate, const float *source, float *target) {
  floats take = splat(rate), keep = splat(1 - rate);
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES)
    store(target + i, fmadd(take, load(source + i), keep * load(target + i)));
  int64_t rest = count - i;
  if (rest > 0)
    store_first(target + i, fmadd(take, load_first(source + i, rest), keep * load_first(target + i, rest)), rest);
}

// MARK: - Reductions in 16 virtual lanes

enum { VIRTUAL_LANES = 16 };
typedef float sixteen_floats __attribute__((ext_vector_type(VIRTUAL_LANES), aligned(4), may_alias));
typedef double sixteen_doubles __attribute__((ext_vector_type(VIRTUAL_LANES)));

/// Lane n holds the elements n, n + 16, n + 32, …; then the upper half is added to the lower, four times over.
INLINE double lane_sum(const int squared, int64_t count, const float *x) {
  sixteen_doubles sum = (sixteen_doubles)0.0;
  int64_t i = 0;
  for (; i < count; i += VIRTUAL_LANES) {
    float rest[VIRTUAL_LANES] = {0};
    const float *part = x + i;
    if (count - i < VIRTUAL_LANES) part = memcpy(rest, part, (size_t)(count - i) * sizeof(float));
    sixteen_doubles wide = __builtin_convertvector(*(const sixteen_floats *)part, sixteen_doubles);
    // The square of a float is exact in a double.
    sum += squared ? wide * wide : wide;
  }
  double lanes[VIRTUAL_LANES];
  memcpy(lanes, &sum, sizeof lanes);
  for (int width = VIRTUAL_LANES / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

static double sum_variant(int64_t count, const float *x) { return lane_sum(0, count, x); }
static double sum_of_squares_variant(int64_t count, const float *x) { return lane_sum(1, count, x); }

static int64_t first_nonfinite_variant(int64_t count, const float *x) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    ints bad = ((words)load(x + i) & 0x7f800000u) == 0x7f800000u;
    if (__builtin_reduce_or(bad)) break;
  }
  for (; i < count; i++)
    if (!__builtin_isfinite(x[i])) return i;
  return -1;
}
