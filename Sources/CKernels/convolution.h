// Convolutions of pictures for world models: 5×5, stride 1, zeros beyond the border, and what stands around them.
//
// Sixteen pictures stand side by side in the lanes: a tile is [height][width][channels][16], so every picture is
// computed like any other, whatever the variant's vectors hold. Taps beyond the border are left out.

enum { TAPS = 5, REACH = TAPS / 2, FRAMES = VIRTUAL_LANES, MOST_OUTPUTS = 8, MOST_INPUTS = 3 };

/// Taps of a row (or column) at `place` that lie within 0..<size: from `first` on, before `end`.
INLINE void taps_within(int64_t place, int64_t size, int64_t *first, int64_t *end) {
  *first = place < REACH ? REACH - place : 0;
  *end = size - place + REACH < TAPS ? size - place + REACH : TAPS;
}

/// sums[p][o] += Σ over `count` weights·inputs for `pixels` neighbours: weights [count][outputs], inputs [count][16],
/// the next pixel's inputs `step` floats further.
INLINE void convolve_run(
    const int pixels, const int outputs, int64_t count, const float *w, int64_t w_stride, const float *x,
    int64_t step, floats sums[2][MOST_OUTPUTS]) {
  for (int64_t i = 0; i < count; i++, w += w_stride, x += FRAMES) {
    UNROLL for (int p = 0; p < pixels; p++) {
      floats value = load(x + p * step);
      UNROLL for (int o = 0; o < outputs; o++) sums[p][o] = fmadd(splat(w[o]), value, sums[p][o]);
    }
  }
}

/// Some neighbouring pixels of one row, `outputs` channels of all from `first_output` on, for one vector of frames.
INLINE void convolve_pixels(
    const int pixels, const int outputs, const ck_convolution *c, int64_t row, int64_t column, const float *x,
    const float *w, const float *bias, float *y) {
  int64_t ky0, ky1, kx0, kx1;
  taps_within(row, c->height, &ky0, &ky1);
  taps_within(column, c->width, &kx0, &kx1);
  floats sums[2][MOST_OUTPUTS];
  UNROLL for (int p = 0; p < pixels; p++) {
    UNROLL for (int o = 0; o < outputs; o++) sums[p][o] = bias ? splat(bias[o]) : splat(0);
  }
  for (int64_t ky = ky0; ky < ky1; ky++) {
    const float *from = x + ((row + ky - REACH) * c->width + column + kx0 - REACH) * c->inputs * FRAMES;
    const float *weights = w + (ky * TAPS + kx0) * c->inputs * c->outputs;
    convolve_run(
        pixels, outputs, (kx1 - kx0) * c->inputs, weights, c->outputs, from, c->inputs * FRAMES, sums);
  }
  UNROLL for (int p = 0; p < pixels; p++) {
    UNROLL for (int o = 0; o < outputs; o++)
      store(y + ((row * c->width + column + p) * c->outputs + o) * FRAMES, sums[p][o]);
  }
}

#define DEFINE_CONVOLVE(outputs)                                                                               \
  NOINLINE void convolve_##outputs(                                                                            \
      const ck_convolution *c, const float *x, const float *w, const float *bias, float *y) {                  \
    for (int64_t row = 0; row < c->height; row++) {                                                            \
      int64_t column = 0;                                                                                      \
      while (column < c->width) {                                                                              \
        int is_inner = column >= REACH && column + 1 + REACH < c->width;                                       \
        if (is_inner) convolve_pixels(2, outputs, c, row, column, x, w, bias, y);                              \
        else convolve_pixels(1, outputs, c, row, column, x, w, bias, y);                                       \
        column += is_inner ? 2 : 1;                                                                            \
      }                                                                                                        \
    }                                                                                                          \
  }
DEFINE_CONVOLVE(1)
DEFINE_CONVOLVE(2)
DEFINE_CONVOLVE(3)
DEFINE_CONVOLVE(4)
DEFINE_CONVOLVE(5)
DEFINE_CONVOLVE(6)
DEFINE_CONVOLVE(7)
DEFINE_CONVOLVE(8)
#undef DEFINE_CONVOLVE

typedef void (*convolve_kernel)(
    const ck_convolution *c, const float *x, const float *w, const float *bias, float *y);
static const convolve_kernel convolve_kernels[MOST_OUTPUTS + 1] = {
    0, convolve_1, convolve_2, convolve_3, convolve_4, convolve_5, convolve_6, convolve_7, convolve_8};

/// One tile: x [height][width][inputs][16], w [5][5][inputs][outputs] → y [height][width][outputs][16].
static void convolve_variant(
    const ck_convolution *c, const float *x, const float *w, const float *bias, float *y) {
  for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
    for (int64_t first = 0; first < c->outputs; first += MOST_OUTPUTS) {
      int64_t left = c->outputs - first, count = left < MOST_OUTPUTS ? left : MOST_OUTPUTS;
      convolve_kernels[count](
          c, x + lane, w + first, bias ? bias + first : NULL, y + first * FRAMES + lane);
    }
  }
}

/// sums[i][o] += x[i]·dy[o] along a run of pixels.
INLINE void weight_run(
    const int inputs, const int outputs, int64_t pixels, const float *x, int64_t x_step, const float *dy,
    int64_t dy_step, float *sums, int64_t sums_row) {
  floats block[MOST_INPUTS][MOST_OUTPUTS];
  UNROLL for (int i = 0; i < inputs; i++) {
    UNROLL for (int o = 0; o < outputs; o++) block[i][o] = load(sums + i * sums_row + o * FRAMES);
  }
  for (int64_t pixel = 0; pixel < pixels; pixel++, x += x_step, dy += dy_step) {
    floats slopes[MOST_OUTPUTS];
    UNROLL for (int o = 0; o < outputs; o++) slopes[o] = load(dy + o * FRAMES);
    UNROLL for (int i = 0; i < inputs; i++) {
      floats value = load(x + i * FRAMES);
      UNROLL for (int o = 0; o < outputs; o++) block[i][o] = fmadd(value, slopes[o], block[i][o]);
    }
  }
  UNROLL for (int i = 0; i < inputs; i++) {
    UNROLL for (int o = 0; o < outputs; o++) store(sums + i * sums_row + o * FRAMES, block[i][o]);
  }
}

#define DEFINE_RUN(inputs, outputs)                                                                            \
  NOINLINE void weight_run_##inputs##_##outputs(                                                               \
      int64_t pixels, const float *x, int64_t x_step, const float *dy, int64_t dy_step, float *sums,           \
      int64_t sums_row) {                                                                                      \
    weight_run(inputs, outputs, pixels, x, x_step, dy, dy_step, sums, sums_row);                               \
  }
#define DEFINE_RUNS(outputs) DEFINE_RUN(1, outputs) DEFINE_RUN(2, outputs) DEFINE_RUN(3, outputs)
DEFINE_RUNS(1) DEFINE_RUNS(2) DEFINE_RUNS(3) DEFINE_RUNS(4) DEFINE_RUNS(5) DEFINE_RUNS(6) DEFINE_RUNS(7) DEFINE_RUNS(8)
#undef DEFINE_RUNS
#undef DEFINE_RUN

typedef void (*weight_run_kernel)(
    int64_t pixels, const float *x, int64_t x_step, const float *dy, int64_t dy_step, float *sums, int64_t sums_row);
#define RUNS(outputs) {0, weight_run_1_##outputs, weight_run_2_##outputs, weight_run_3_##outputs}
static const weight_run_kernel weight_run_kernels[MOST_OUTPUTS + 1][MOST_INPUTS + 1] = {
    {0}, RUNS(1), RUNS(2), RUNS(3), RUNS(4), RUNS(5), RUNS(6), RUNS(7), RUNS(8)};
#undef RUNS

/// One tile: sums [5][5][inputs][outputs][16] += x·dy over all pixels, frame by frame; bias_sums [outputs][16] += dy.
static void convolve_weight_gradient_variant(
    const ck_convolution *c, const float *x, const float *dy, float *sums, float *bias_sums) {
  const int64_t x_step = c->inputs * FRAMES, dy_step = c->outputs * FRAMES;
  for (int64_t row = 0; row < c->height; row++) {
    int64_t ky0, ky1;
    taps_within(row, c->height, &ky0, &ky1);
    for (int64_t ky = ky0; ky < ky1; ky++) {
      for (int64_t kx = 0; kx < TAPS; kx++) {
        // Pixels of this row whose tap kx lies within.
        int64_t first = kx < REACH ? REACH - kx : 0, end = kx > REACH ? c->width - (kx - REACH) : c->width;
        if (end <= first) continue;
        const float *from = x + ((row + ky - REACH) * c->width + first + kx - REACH) * x_step;
        const float *slopes = dy + (row * c->width + first) * dy_step;
        float *block = sums + (ky * TAPS + kx) * c->inputs * dy_step;
        for (int64_t i = 0; i < c->inputs; i += MOST_INPUTS) {
          int64_t inputs = c->inputs - i < MOST_INPUTS ? c->inputs - i : MOST_INPUTS;
          for (int64_t o = 0; o < c->outputs; o += MOST_OUTPUTS) {
            int64_t outputs = c->outputs - o < MOST_OUTPUTS ? c->outputs - o : MOST_OUTPUTS;
            for (int64_t lane = 0; lane < FRAMES; lane += LANES)
              weight_run_kernels[outputs][inputs](
                  end - first, from + i * FRAMES + lane, x_step, slopes + o * FRAMES + lane, dy_step,
                  block + i * dy_step + o * FRAMES + lane, dy_step);
          }
        }
      }
    }
    for (int64_t pixel = 0; pixel < c->width; pixel++) {
      const float *slopes = dy + (row * c->width + pixel) * dy_step;
      for (int64_t i = 0; i < dy_step; i += LANES) store(bias_sums + i, load(bias_sums + i) + load(slopes + i));
    }
  }
}

/// out[i] += the sum of the 16 frames of sums [count][16], the upper half added to the lower four times over.
static void fold_frames_variant(int64_t count, const float *sums, float *out) {
  for (int64_t i = 0; i < count; i++) out[i] += folded((const sixteen_floats *)(sums + i * FRAMES));
}

// MARK: - Around the convolutions

/// y [height/2][width/2][channels][16] = the largest of 2×2; `place` which of the four, the first of equals.
static void max_pool_variant(
    int64_t height, int64_t width, int64_t channels, const float *x, float *y, float *place) {
  const int64_t step = channels * FRAMES;
  for (int64_t row = 0; row < height / 2; row++) {
    for (int64_t column = 0; column < width / 2; column++, y += step, place += step) {
      const float *from = x + (2 * row * width + 2 * column) * step;
      for (int64_t i = 0; i < step; i += LANES) {
        floats best = load(from + i), which = splat(0);
        UNROLL for (int k = 1; k < 4; k++) {
          floats other = load(from + (k / 2 * width + k % 2) * step + i);
          ints larger = other > best;
          best = larger ? other : best;
          which = larger ? splat((float)k) : which;
        }
        store(y + i, best);
        store(place + i, which);
      }
    }
  }
}

/// dx [height][width][channels][16]: dy where the largest was, 0 elsewhere.
static void max_pool_gradient_variant(
    int64_t height, int64_t width, int64_t channels, const float *dy, const float *place, float *dx) {
  const int64_t step = channels * FRAMES;
  for (int64_t row = 0; row < height / 2; row++) {
    for (int64_t column = 0; column < width / 2; column++, dy += step, place += step) {
      float *to = dx + (2 * row * width + 2 * column) * step;
      for (int64_t i = 0; i < step; i += LANES) {
        floats slope = load(dy + i), which = load(place + i);
        UNROLL for (int k = 0; k < 4; k++)
          store(to + (k / 2 * width + k % 2) * step + i, which == splat((float)k) ? slope : splat(0));
      }
    }
  }
}

/// y [2·height][2·width][channels][16]: every pixel four times.
static void upsample_variant(int64_t height, int64_t width, int64_t channels, const float *x, float *y) {
  const int64_t step = channels * FRAMES;
  for (int64_t row = 0; row < 2 * height; row++) {
    for (int64_t column = 0; column < 2 * width; column++, y += step)
      memcpy(y, x + (row / 2 * width + column / 2) * step, (size_t)step * sizeof(float));
  }
}

/// dx [height][width][channels][16] = the sums of dy's 2×2.
static void upsample_gradient_variant(
    int64_t height, int64_t width, int64_t channels, const float *dy, float *dx) {
  const int64_t step = channels * FRAMES;
  for (int64_t row = 0; row < height; row++) {
    for (int64_t column = 0; column < width; column++, dx += step) {
      const float *from = dy + (4 * row * width + 2 * column) * step;
      for (int64_t i = 0; i < step; i += LANES)
        store(
            dx + i, load(from + i) + load(from + step + i) + load(from + 2 * width * step + i)
                        + load(from + (2 * width + 1) * step + i));
    }
  }
}

/// y = SiLU(x/√(mean over the channels of x² + epsilon)·scale) of every pixel of [pixels][channels][16];
/// inverse [pixels][16].
static void channel_norm_silu_variant(
    int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale, float *inverse, float *y) {
  for (int64_t pixel = 0; pixel < pixels; pixel++, inverse += FRAMES) {
    for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
      const float *from = x + pixel * channels * FRAMES + lane;
      float *to = y + pixel * channels * FRAMES + lane;
      floats squares = splat(0);
      for (int64_t c = 0; c < channels; c++) squares = fmadd(load(from + c * FRAMES), load(from + c * FRAMES), squares);
      floats factor =
          splat(1) / __builtin_elementwise_sqrt(squares / splat((float)channels) + splat(epsilon));
      store(inverse + lane, factor);
      for (int64_t c = 0; c < channels; c++)
        store(to + c * FRAMES, activate(CK_SILU, load(from + c * FRAMES) * factor * splat(scale[c])));
    }
  }
}

/// dx is set; scale_sums [channels][16] added to.
static void channel_norm_silu_gradient_variant(
    int64_t pixels, int64_t channels, const float *x, const float *scale, const float *inverse, const float *dy,
    float *dx, float *scale_sums) {
  for (int64_t pixel = 0; pixel < pixels; pixel++, inverse += FRAMES) {
    for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
      const int64_t at = pixel * channels * FRAMES + lane;
      floats factor = load(inverse + lane), projection = splat(0);
      for (int64_t c = 0; c < channels; c++) {
        floats n = load(x + at + c * FRAMES) * factor;
        floats d = load(dy + at + c * FRAMES) * activation_derivative(CK_SILU, n * splat(scale[c]));
        float *sum = scale_sums + c * FRAMES + lane;
        store(sum, fmadd(d, n, load(sum)));
        d *= splat(scale[c]);
        projection = fmadd(d, n, projection);
        store(dx + at + c * FRAMES, d);
      }
      projection /= splat((float)channels);
      for (int64_t c = 0; c < channels; c++) {
        floats n = load(x + at + c * FRAMES) * factor;
        store(dx + at + c * FRAMES, (load(dx + at + c * FRAMES) - n * projection) * factor);
      }
    }
  }
}
