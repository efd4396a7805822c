// Kernels of world models with categorical latents (DreamerV3): norm and SiLU in one pass, block GRU, samples, two-hot
// heads, LaProp.

/// The sum of 16 virtual lanes: the upper half is added to the lower, four times over.
INLINE float folded(const sixteen_floats *sum) {
  float lanes[VIRTUAL_LANES];
  memcpy(lanes, sum, sizeof lanes);
  for (int width = VIRTUAL_LANES / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

/// The first `count` (below 16) floats, zeros behind them.
INLINE void load_rest(const float *x, int64_t count, sixteen_floats *rest) {
  float part[VIRTUAL_LANES] = {0};
  memcpy(part, x, (size_t)count * sizeof(float));
  memcpy(rest, part, sizeof part);
}

/// Σ x[i]·y[i] in float32.
INLINE float dot(int64_t count, const float *x, const float *y) {
  sixteen_floats sum = (sixteen_floats)0.0f, left, right;
  int64_t i = 0;
  for (; i + VIRTUAL_LANES <= count; i += VIRTUAL_LANES)
    sum = __builtin_elementwise_fma(*(const sixteen_floats *)(x + i), *(const sixteen_floats *)(y + i), sum);
  if (i < count) {
    load_rest(x + i, count - i, &left);
    load_rest(y + i, count - i, &right);
    sum = __builtin_elementwise_fma(left, right, sum);
  }
  return folded(&sum);
}

/// Σ x[i] in float32.
INLINE float row_sum(int64_t count, const float *x) {
  sixteen_floats sum = (sixteen_floats)0.0f, rest;
  int64_t i = 0;
  for (; i + VIRTUAL_LANES <= count; i += VIRTUAL_LANES) sum += *(const sixteen_floats *)(x + i);
  if (i < count) {
    load_rest(x + i, count - i, &rest);
    sum += rest;
  }
  return folded(&sum);
}

/// The largest element; where there is a NaN, that or any other one.
INLINE float row_maximum(int64_t count, const float *x) {
  float largest = x[0];
  int64_t i = 1;
  if (count >= 2 * VIRTUAL_LANES) {
    sixteen_floats best = *(const sixteen_floats *)x;
    for (i = VIRTUAL_LANES; i + VIRTUAL_LANES <= count; i += VIRTUAL_LANES) {
      sixteen_floats next = *(const sixteen_floats *)(x + i);
      best = next > best ? next : best;
    }
    float lanes[VIRTUAL_LANES];
    memcpy(lanes, &best, sizeof lanes);
    for (int lane = 0; lane < VIRTUAL_LANES; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
  }
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

/// Runs `body` with `part` lanes from place `i` on, whole vectors first.
#define FOR_EACH_PART(count, i, part)                                                                          \
  for (int64_t i = 0, part; part = (count) - i < LANES ? (count) - i : LANES, i < (count); i += LANES)

INLINE floats load_part(const float *p, int64_t part) { return part == LANES ? load(p) : load_first(p, part); }
INLINE void store_part(float *p, floats v, int64_t part) {
  if (part == LANES) store(p, v);
  else store_first(p, v, part);
}

// MARK: - RMS norm and SiLU

static void norm_silu_variant(
    int64_t rows, int64_t columns, float epsilon, const float *x, const float *scale, float *inverse, float *y) {
  for (int64_t row = 0; row < rows; row++, x += columns, y += columns) {
    float factor = 1 / __builtin_sqrtf(dot(columns, x, x) / (float)columns + epsilon);
    inverse[row] = factor;
    FOR_EACH_PART(columns, i, part) {
      floats z = load_part(x + i, part) * splat(factor) * load_part(scale + i, part);
      store_part(y + i, activate(CK_SILU, z), part);
    }
  }
}

static void norm_silu_gradient_variant(
    int64_t rows, int64_t columns, const float *x, const float *scale, const float *inverse, const float *dy,
    float *dx, int32_t accumulate, float *dscale) {
  float *scaled = ck_scratch(columns);
  for (int64_t row = 0; row < rows; row++, x += columns, dy += columns) {
    floats factor = splat(inverse[row]);
    FOR_EACH_PART(columns, i, part) {
      floats s = load_part(scale + i, part), n = load_part(x + i, part) * factor;
      floats d = load_part(dy + i, part) * activation_derivative(CK_SILU, n * s);
      if (dscale) store_part(dscale + i, fmadd(d, n, load_part(dscale + i, part)), part);
      store_part(scaled + i, d * s, part);
    }
    if (!dx) continue;
    // n = x·factor; dx = (g − n·mean(g·n))·factor
    floats projection = splat(dot(columns, scaled, x) / (float)columns) * factor * factor;
    FOR_EACH_PART(columns, i, part) {
      floats d = (load_part(scaled + i, part) - load_part(x + i, part) * projection) * factor;
      if (accumulate) d += load_part(dx + i, part);
      store_part(dx + i, d, part);
    }
    dx += columns;
  }
}

// MARK: - Block GRU

/// The gates of a GRU from their sums. Update and candidate have their denominators, of at most e^87 and 2, in one
/// division: three of them would take longer than all else.
INLINE void gru_gates(
    floats reset_sum, floats candidate_sum, floats update_sum, floats *reset, floats *candidate, floats *update) {
  *reset = activate(CK_SIGMOID, reset_sum);
  const floats x = *reset * candidate_sum, e = exp_for_tangent(x);
  const floats of_update = one_plus_exp_of_negative(update_sum - splat(1)), of_candidate = splat(1) + e;
  const floats inverse = splat(1) / (of_update * of_candidate);
  *update = inverse * of_candidate;
  *candidate = tangent_from_quotient(x, (splat(1) - e) * (inverse * of_update));
}

static void block_gru_variant(
    int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, float *next) {
  for (int64_t block = 0; block < rows * blocks; block++, gates += 3 * size, h += size, next += size) {
    FOR_EACH_PART(size, i, part) {
      floats reset, candidate, update;
      gru_gates(
          load_part(gates + i, part), load_part(gates + size + i, part), load_part(gates + 2 * size + i, part), &reset,
          &candidate, &update);
      store_part(next + i, fmadd(update, candidate, (splat(1) - update) * load_part(h + i, part)), part);
    }
  }
}

static void block_gru_gradient_variant(
    int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, const float *dnext, float *dgates,
    int32_t accumulate_gates, float *dh, int32_t accumulate_h) {
  for (int64_t block = 0; block < rows * blocks; block++) {
    FOR_EACH_PART(size, i, part) {
      floats raw = load_part(gates + size + i, part), old = load_part(h + i, part), dy = load_part(dnext + i, part);
      floats reset, candidate, update;
      gru_gates(
          load_part(gates + i, part), raw, load_part(gates + 2 * size + i, part), &reset, &candidate, &update);
      floats dz = dy * update * (splat(1) - candidate * candidate);
      floats slopes[3] = {
          dz * raw * reset * (splat(1) - reset), dz * reset,
          dy * (candidate - old) * update * (splat(1) - update)};
      if (dgates) UNROLL for (int k = 0; k < 3; k++) {
        float *to = dgates + k * size + i;
        store_part(to, accumulate_gates ? slopes[k] + load_part(to, part) : slopes[k], part);
      }
      if (dh) {
        floats d = dy * (splat(1) - update);
        store_part(dh + i, accumulate_h ? d + load_part(dh + i, part) : d, part);
      }
    }
    gates += 3 * size;
    h += size;
    dnext += size;
    if (dgates) dgates += 3 * size;
    if (dh) dh += size;
  }
}

// MARK: - Categorical latents

/// Softmax of every group of `classes`; in place allowed.
INLINE void softmax_groups(int64_t groups, int64_t classes, const float *logits, float *p) {
  for (int64_t group = 0; group < groups; group++) {
    const float *x = logits + group * classes;
    float *y = p + group * classes, largest = row_maximum(classes, x);
    for (int64_t c = 0; c < classes; c++) y[c] = x[c] - largest;
  }
  unary_loop(CK_EXP, groups * classes, p, p);
  for (int64_t group = 0; group < groups; group++) {
    float *y = p + group * classes, sum = 0;
    for (int64_t c = 0; c < classes; c++) sum += y[c];
    float factor = 1 / sum;
    for (int64_t c = 0; c < classes; c++) y[c] *= factor;
  }
}

static void one_hot_sample_variant(
    int64_t groups, int64_t classes, float unimix, const float *logits, const float *draws, float *probabilities,
    float *sample) {
  const float keep = 1 - unimix, floor = unimix / (float)classes;
  softmax_groups(groups, classes, logits, probabilities);
  for (int64_t group = 0; group < groups; group++) {
    const float *p = probabilities + group * classes;
    float *y = sample + group * classes, draw = draws[group], cumulative = 0;
    int64_t chosen = classes - 1;
    if (draw < 0) {
      for (int64_t c = 0; c < classes; c++) y[c] = keep * p[c] + floor;
      continue;
    }
    if (draw >= 2) {
      chosen = (int64_t)draw - 2;
    } else {
      for (int64_t c = 0; c < classes; c++) {
        cumulative += keep * p[c] + floor;
        if (draw < cumulative) {
          chosen = c;
          break;
        }
      }
      // Rounding may leave the total below the draw: never a class of probability zero then.
      while (floor == 0 && chosen > 0 && p[chosen] == 0) chosen--;
    }
    for (int64_t c = 0; c < classes; c++) y[c] = c == chosen ? 1 : 0;
  }
}

static void softmax_gradient_variant(
    int64_t groups, int64_t classes, float factor, const float *p, const float *dy, float *dx, int32_t accumulate) {
  for (int64_t group = 0; group < groups; group++, p += classes, dy += classes, dx += classes) {
    float mean = 0;
    for (int64_t c = 0; c < classes; c++) mean += p[c] * dy[c];
    if (accumulate) for (int64_t c = 0; c < classes; c++) dx[c] += factor * p[c] * (dy[c] - mean);
    else for (int64_t c = 0; c < classes; c++) dx[c] = factor * p[c] * (dy[c] - mean);
  }
}

/// log((1 − unimix)·softmax + unimix/classes), with the softmax and the mixture.
INLINE void mixed_groups(
    int64_t groups, int64_t classes, float unimix, const float *logits, float *softmax, float *mixed, float *logs) {
  const float keep = 1 - unimix, floor = unimix / (float)classes;
  softmax_groups(groups, classes, logits, softmax);
  for (int64_t i = 0; i < groups * classes; i++) mixed[i] = keep * softmax[i] + floor;
  unary_loop(CK_LOG, groups * classes, mixed, logs);
}

static void latent_kl_variant(
    int64_t rows, int64_t groups, int64_t classes, float unimix, const float *left, const float *right, float *kl,
    float *left_entropy, float *right_entropy, float *dleft, float *dright) {
  const int64_t columns = groups * classes;
  const float keep = 1 - unimix;
  float *ls = ck_scratch(6 * columns), *lp = ls + columns, *ll = lp + columns;
  float *rs = ll + columns, *rp = rs + columns, *rl = rp + columns;
  for (int64_t row = 0; row < rows; row++, left += columns, right += columns) {
    mixed_groups(groups, classes, unimix, left, ls, lp, ll);
    mixed_groups(groups, classes, unimix, right, rs, rp, rl);
    left_entropy[row] = -dot(columns, lp, ll);
    right_entropy[row] = -dot(columns, rp, rl);
    float total = 0;
    for (int64_t group = 0; group < columns; group += classes) {
      float sum = 0, lmean = 0, rmean = 0;
      for (int64_t c = group; c < group + classes; c++) {
        float gap = ll[c] - rl[c], ratio = lp[c] / rp[c];
        sum += lp[c] * gap;
        lmean += ls[c] * gap;
        rmean += rs[c] * ratio;
      }
      total += sum;
      // Through the softmax s: dx = keep·s·(g − Σ s·g), with g = log p − log q for the left, −p/q for the right.
      for (int64_t c = group; c < group + classes; c++) {
        float gap = ll[c] - rl[c], ratio = lp[c] / rp[c];
        dleft[c] = keep * ls[c] * (gap - lmean);
        dright[c] = keep * rs[c] * (rmean - ratio);
      }
    }
    kl[row] = total;
    dleft += columns;
    dright += columns;
  }
}

// MARK: - Two-hot heads

/// The largest logit and the logarithm of the sum of exponentials above it; `e` gets e^(x − largest).
INLINE float exponentials_of(int64_t bins, const float *logits, float *e) {
  float largest = row_maximum(bins, logits);
  FOR_EACH_PART(bins, i, part)
    store_part(e + i, exp_of_negative(load_part(logits + i, part) - splat(largest)), part);
  return largest;
}

static void two_hot_mean_variant(int64_t rows, int64_t bins, const float *values, const float *logits, float *mean) {
  const int64_t half = bins / 2;
  float *e = ck_scratch(bins + half), *gaps = e + bins;
  for (int64_t row = 0; row < rows; row++, logits += bins) {
    exponentials_of(bins, logits, e);
    // The bins are symmetrical: equal probabilities give exactly 0.
    for (int64_t i = 0; i < half; i++) gaps[i] = e[i] - e[bins - 1 - i];
    mean[row] = dot(half, gaps, values) / row_sum(bins, e);
  }
}

/// The bin below a target and the weight of the one above it.
INLINE int64_t bin_below(int64_t bins, const float *values, float target, float *upper) {
  int64_t low = 0, high = bins - 1;
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (values[middle] <= target) low = middle;
    else high = middle;
  }
  float weight = (target - values[low]) / (values[low + 1] - values[low]);
  *upper = weight < 0 ? 0 : weight > 1 ? 1 : weight;
  return low;
}

static void two_hot_loss_variant(
    int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
    float *loss, float *normalizer) {
  float *e = ck_scratch(bins), upper;
  for (int64_t row = 0; row < rows; row++, logits += bins, target += targets) {
    float largest = exponentials_of(bins, logits, e);
    normalizer[row] = largest + log_full(splat(row_sum(bins, e)))[0];
    float sum = 0;
    for (int64_t k = 0; k < targets; k++) {
      int64_t low = bin_below(bins, values, target[k], &upper);
      sum += (1 - upper) * (normalizer[row] - logits[low]) + upper * (normalizer[row] - logits[low + 1]);
    }
    loss[row] = sum;
  }
}

static void two_hot_loss_gradient_variant(
    int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
    const float *normalizer, const float *dloss, float *dlogits, int32_t accumulate) {
  float *p = ck_scratch(bins), upper;
  for (int64_t row = 0; row < rows; row++, logits += bins, target += targets, dlogits += bins) {
    floats shift = splat(normalizer[row]), factor = splat(dloss[row] * (float)targets);
    FOR_EACH_PART(bins, i, part) {
      store_part(p + i, exp_full(load_part(logits + i, part) - shift) * factor, part);
    }
    for (int64_t k = 0; k < targets; k++) {
      int64_t low = bin_below(bins, values, target[k], &upper);
      p[low] -= dloss[row] * (1 - upper);
      p[low + 1] -= dloss[row] * upper;
    }
    FOR_EACH_PART(bins, i, part) {
      floats d = load_part(p + i, part);
      store_part(dlogits + i, accumulate ? d + load_part(dlogits + i, part) : d, part);
    }
  }
}

// MARK: - LaProp

INLINE void laprop_part(const laprop_factors *step, floats *p, floats g, floats *m, floats *v) {
  g = g * splat(step->gradient_scale);
  *v = fmadd(splat(step->beta2), *v, splat(step->one_minus_beta2) * (g * g));
  floats u = g / (__builtin_elementwise_sqrt(*v * splat(step->square_factor)) + splat(step->epsilon));
  *m = fmadd(splat(step->beta1), *m, splat(step->one_minus_beta1) * u);
  *p = *p - splat(step->rate) * *m;
}

static void laprop_step_variant(
    const laprop_factors *step, int64_t count, float *p, const float *g, float *m, float *v) {
  const laprop_factors factors = *step;
  FOR_EACH_PART(count, i, part) {
    floats parameter = load_part(p + i, part), mean = load_part(m + i, part), square = load_part(v + i, part);
    laprop_part(&factors, &parameter, load_part(g + i, part), &mean, &square);
    store_part(p + i, parameter, part);
    store_part(m + i, mean, part);
    store_part(v + i, square, part);
  }
}
