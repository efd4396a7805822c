// Convolutions of pictures for world models: an odd number of taps, stride 1, zeros beyond the border.
//
// Sixteen pictures stand side by side in the lanes: a tile is [height][width][channels][16], so every picture is
// computed like any other, whatever the variant's vectors hold. Taps beyond the border are left out.

enum {
  FRAMES = VIRTUAL_LANES,
  MOST_OUTPUTS = 8,
  /// Of the sums of weights' gradients that stay in registers: this many with so many outputs, and else one less.
  MOST_INPUTS = 4,
  OUTPUTS_WITH_MOST_INPUTS = 6,
  /// Pixels whose weights' gradients are summed in one go, of a row or of several short ones: more leave the
  /// first-level cache, fewer reload the sums.
  STRIP_PIXELS = 64,
};

/// Taps of a row (or column) at `place` that lie within 0..<size: from `first` on, before `end`.
INLINE void taps_within(int64_t taps, int64_t place, int64_t size, int64_t *first, int64_t *end) {
  const int64_t reach = taps / 2;
  *first = place < reach ? reach - place : 0;
  *end = size - place + reach < taps ? size - place + reach : taps;
}

/// Floats from row to row of a layer's x, and of its y.
INLINE int64_t x_row(const ck_convolution *c) { return c->x_step * c->width * c->inputs * FRAMES; }
INLINE int64_t y_row(const ck_convolution *c) { return c->y_step * c->width * c->outputs * FRAMES; }

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
  int64_t ky0, ky1, kx0, kx1, reach = c->taps / 2;
  taps_within(c->taps, row, c->height, &ky0, &ky1);
  taps_within(c->taps, column, c->width, &kx0, &kx1);
  float *to = y + row * y_row(c) + column * c->outputs * FRAMES;
  floats sums[2][MOST_OUTPUTS];
  UNROLL for (int p = 0; p < pixels; p++) {
    UNROLL for (int o = 0; o < outputs; o++) sums[p][o] = bias ? splat(bias[o]) : splat(0);
  }
  if (c->accumulates) {
    UNROLL for (int p = 0; p < pixels; p++) {
      UNROLL for (int o = 0; o < outputs; o++) sums[p][o] = load(to + (p * c->outputs + o) * FRAMES);
    }
  }
  for (int64_t ky = ky0; ky < ky1; ky++) {
    const float *from = x + (row + ky - reach) * x_row(c) + (column + kx0 - reach) * c->inputs * FRAMES;
    const float *weights = w + (ky * c->taps + kx0) * c->inputs * c->outputs;
    convolve_run(
        pixels, outputs, (kx1 - kx0) * c->inputs, weights, c->outputs, from, c->inputs * FRAMES, sums);
  }
  UNROLL for (int p = 0; p < pixels; p++) {
    UNROLL for (int o = 0; o < outputs; o++) store(to + (p * c->outputs + o) * FRAMES, sums[p][o]);
  }
}

#define DEFINE_CONVOLVE(outputs)                                                                               \
  NOINLINE void convolve_##outputs(                                                                            \
      const ck_convolution *c, int64_t row, int64_t end_row, const float *x, const float *w, const float *bias, \
      float *y) {                                                                                              \
    for (; row < end_row; row++) {                                                                             \
      int64_t column = 0;                                                                                      \
      while (column < c->width) {                                                                              \
        int is_inner = column >= c->taps / 2 && column + 1 + c->taps / 2 < c->width;                           \
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
    const ck_convolution *c, int64_t row, int64_t end_row, const float *x, const float *w, const float *bias,
    float *y);
static const convolve_kernel convolve_kernels[MOST_OUTPUTS + 1] = {
    0, convolve_1, convolve_2, convolve_3, convolve_4, convolve_5, convolve_6, convolve_7, convolve_8};

/// Rows of one tile, from `row` on, before `end_row`; x and y are where the tile's first row is, or would be.
static void convolve_rows(
    const ck_convolution *c, int64_t row, int64_t end_row, const float *x, const float *w, const float *bias,
    float *y) {
  for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
    for (int64_t first = 0; first < c->outputs; first += MOST_OUTPUTS) {
      int64_t left = c->outputs - first, count = left < MOST_OUTPUTS ? left : MOST_OUTPUTS;
      convolve_kernels[count](
          c, row, end_row, x + lane, w + first, bias ? bias + first : NULL, y + first * FRAMES + lane);
    }
  }
}

/// One tile: x [height][width][inputs][16], w [taps][taps][inputs][outputs] → y [height][width][outputs][16].
static void convolve_variant(
    const ck_convolution *c, const float *x, const float *w, const float *bias, float *y) {
  convolve_rows(c, 0, c->height, x, w, bias, y);
}

/// Where the pixels of a strip are: some of each row, of several rows.
typedef struct {
  int64_t rows, pixels;
  const float *x, *dy;
  int64_t x_row, x_pixel, dy_row, dy_pixel;  ///< floats from one to the next
} pixel_strip;

/// sums[i][o] += x[i]·dy[o] over a strip of pixels.
INLINE void weight_run(
    const int inputs, const int outputs, const pixel_strip *strip, float *sums, int64_t sums_row) {
  floats block[MOST_INPUTS][MOST_OUTPUTS];
  UNROLL for (int i = 0; i < inputs; i++) {
    UNROLL for (int o = 0; o < outputs; o++) block[i][o] = load(sums + i * sums_row + o * FRAMES);
  }
  for (int64_t row = 0; row < strip->rows; row++) {
    const float *x = strip->x + row * strip->x_row, *dy = strip->dy + row * strip->dy_row;
    for (int64_t pixel = 0; pixel < strip->pixels; pixel++, x += strip->x_pixel, dy += strip->dy_pixel) {
      // The shorter side stays in the registers, which both sides together would not fit.
      floats values[MOST_INPUTS];
      UNROLL for (int i = 0; i < inputs; i++) values[i] = load(x + i * FRAMES);
      UNROLL for (int o = 0; o < outputs; o++) {
        const floats slope = load(dy + o * FRAMES);
        UNROLL for (int i = 0; i < inputs; i++) block[i][o] = fmadd(values[i], slope, block[i][o]);
      }
    }
  }
  UNROLL for (int i = 0; i < inputs; i++) {
    UNROLL for (int o = 0; o < outputs; o++) store(sums + i * sums_row + o * FRAMES, block[i][o]);
  }
}

#define DEFINE_RUN(inputs, outputs)                                                                            \
  NOINLINE void weight_run_##inputs##_##outputs(const pixel_strip *strip, float *sums, int64_t sums_row) {     \
    weight_run(inputs, outputs, strip, sums, sums_row);                                                        \
  }
#define DEFINE_RUNS(outputs) DEFINE_RUN(1, outputs) DEFINE_RUN(2, outputs) DEFINE_RUN(3, outputs)
#define DEFINE_ALL_RUNS(outputs) DEFINE_RUNS(outputs) DEFINE_RUN(4, outputs)
DEFINE_ALL_RUNS(1) DEFINE_ALL_RUNS(2) DEFINE_ALL_RUNS(3) DEFINE_ALL_RUNS(4) DEFINE_ALL_RUNS(5) DEFINE_ALL_RUNS(6)
DEFINE_RUNS(7) DEFINE_RUNS(8)
#undef DEFINE_ALL_RUNS
#undef DEFINE_RUNS
#undef DEFINE_RUN

typedef void (*weight_run_kernel)(const pixel_strip *strip, float *sums, int64_t sums_row);
#define RUNS(outputs) 0, weight_run_1_##outputs, weight_run_2_##outputs, weight_run_3_##outputs
#define ALL_RUNS(outputs) {RUNS(outputs), weight_run_4_##outputs}
static const weight_run_kernel weight_run_kernels[MOST_OUTPUTS + 1][MOST_INPUTS + 1] = {
    {0}, ALL_RUNS(1), ALL_RUNS(2), ALL_RUNS(3), ALL_RUNS(4), ALL_RUNS(5), ALL_RUNS(6), {RUNS(7)}, {RUNS(8)}};
#undef ALL_RUNS
#undef RUNS

/// Rows and columns of pixels, from the first one on, before the end.
typedef struct {
  int64_t row, end_row, column, end_column;
} pixel_block;

INLINE int64_t smaller_of(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger_of(int64_t a, int64_t b) { return a > b ? a : b; }

/// The pixels of a block for which a tap lies within.
INLINE pixel_strip strip_of_tap(
    const ck_convolution *c, int64_t tap, const pixel_block *block, const float *x, const float *dy) {
  const int64_t reach = c->taps / 2, down = tap / c->taps - reach, right = tap % c->taps - reach;
  const int64_t row = larger_of(block->row, -down), end_row = smaller_of(block->end_row, c->height - down);
  const int64_t column = larger_of(block->column, -right), end = smaller_of(block->end_column, c->width - right);
  const int64_t x_pixel = c->inputs * FRAMES, dy_pixel = c->outputs * FRAMES;
  return (pixel_strip){
      .rows = end_row - row, .pixels = end - column, .x = x + (row + down) * x_row(c) + (column + right) * x_pixel,
      .dy = dy + row * y_row(c) + column * dy_pixel,
      .x_row = x_row(c), .x_pixel = x_pixel, .dy_row = y_row(c), .dy_pixel = dy_pixel};
}

/// Some channels of a block, all taps: what a tap reads, the next one finds in the first-level cache.
static void weight_channels(
    const ck_convolution *c, int64_t inputs, int64_t outputs, const pixel_block *block, const float *x,
    const float *dy, float *sums) {
  const weight_run_kernel run = weight_run_kernels[outputs][inputs];
  const int64_t sums_row = c->outputs * FRAMES;
  for (int64_t tap = 0; tap < c->taps * c->taps; tap++, sums += c->inputs * sums_row) {
    const pixel_strip strip = strip_of_tap(c, tap, block, x, dy);
    if (strip.rows > 0 && strip.pixels > 0) run(&strip, sums, sums_row);
  }
}

/// All channels of a block, in parts of about the same size.
static void weight_block_of_pixels(
    const ck_convolution *c, const pixel_block *block, const float *x, const float *dy, float *sums) {
  const int64_t output_parts = (c->outputs + MOST_OUTPUTS - 1) / MOST_OUTPUTS;
  for (int64_t part = 0; part < output_parts; part++) {
    const int64_t o = c->outputs * part / output_parts, outputs = c->outputs * (part + 1) / output_parts - o;
    const int64_t most = outputs <= OUTPUTS_WITH_MOST_INPUTS ? MOST_INPUTS : MOST_INPUTS - 1;
    const int64_t input_parts = (c->inputs + most - 1) / most;
    for (int64_t input_part = 0; input_part < input_parts; input_part++) {
      const int64_t i = c->inputs * input_part / input_parts, end = c->inputs * (input_part + 1) / input_parts;
      for (int64_t lane = 0; lane < FRAMES; lane += LANES)
        weight_channels(
            c, end - i, outputs, block, x + i * FRAMES + lane, dy + o * FRAMES + lane,
            sums + (i * c->outputs + o) * FRAMES + lane);
    }
  }
}

/// Rows whose weights' gradients are summed in one go.
INLINE int64_t rows_of_weights(const ck_convolution *c) {
  return c->width < STRIP_PIXELS ? STRIP_PIXELS / c->width : 1;
}

/// sums[i] += x[pixel][i], pixels ascending, for some vectors that stay in the registers.
INLINE void add_pixels_of(const int vectors, int64_t pixels, int64_t size, const float *x, float *sums) {
  floats block[MOST_OUTPUTS];
  UNROLL for (int v = 0; v < vectors; v++) block[v] = load(sums + v * LANES);
  for (int64_t pixel = 0; pixel < pixels; pixel++)
    UNROLL for (int v = 0; v < vectors; v++) block[v] += load(x + pixel * size + v * LANES);
  UNROLL for (int v = 0; v < vectors; v++) store(sums + v * LANES, block[v]);
}

/// sums[i] += x[pixel][i], pixels ascending.
static void add_pixels(int64_t pixels, int64_t size, const float *x, float *sums) {
  int64_t i = 0;
  for (; i + 8 * LANES <= size; i += 8 * LANES) add_pixels_of(8, pixels, size, x + i, sums + i);
  for (; i + 2 * LANES <= size; i += 2 * LANES) add_pixels_of(2, pixels, size, x + i, sums + i);
  for (; i < size; i += LANES) add_pixels_of(1, pixels, size, x + i, sums + i);
}

/// Rows of one tile, as many as `rows_of_weights` at most.
static void weight_rows(
    const ck_convolution *c, int64_t row, int64_t end_row, const float *x, const float *dy, float *sums,
    float *bias_sums) {
  for (int64_t column = 0; column < c->width; column += STRIP_PIXELS) {
    const pixel_block block = {row, end_row, column, smaller_of(column + STRIP_PIXELS, c->width)};
    weight_block_of_pixels(c, &block, x, dy, sums);
  }
  for (int64_t r = row; r < end_row; r++) add_pixels(c->width, c->outputs * FRAMES, dy + r * y_row(c), bias_sums);
}

/// One tile: sums [taps][taps][inputs][outputs][16] += x·dy over all pixels, frame by frame, row after row; bias_sums
/// [outputs][16] += dy.
static void convolve_weight_gradient_variant(
    const ck_convolution *c, const float *x, const float *dy, float *sums, float *bias_sums) {
  const int64_t most_rows = rows_of_weights(c);
  for (int64_t row = 0; row < c->height; row += most_rows)
    weight_rows(c, row, smaller_of(row + most_rows, c->height), x, dy, sums, bias_sums);
}

/// Σ of the parts' sixteen frames of one number, in ascending order, and then of all vectors, the upper half added to
/// the lower until one is left.
INLINE floats sum_of_parts(int64_t parts, int64_t stride, const float *sums) {
  enum { VECTORS = FRAMES / LANES };
  floats all[VECTORS];
  UNROLL for (int v = 0; v < VECTORS; v++) all[v] = load(sums + v * LANES);
  for (int64_t part = 1; part < parts; part++)
    UNROLL for (int v = 0; v < VECTORS; v++) all[v] += load(sums + part * stride + v * LANES);
  UNROLL for (int half = VECTORS / 2; half > 0; half /= 2)
    UNROLL for (int v = 0; v < half; v++) all[v] += all[v + half];
  return all[0];
}

/// out[i] = the sum over the parts, then of the 16 frames, the upper half added to the lower four times over; as many
/// numbers as a vector holds at a time.
static void fold_frames_variant(int64_t parts, int64_t stride, int64_t count, const float *sums, float *out) {
  for (int64_t i = 0; i < count; i += LANES) {
    const int64_t numbers = smaller_of(LANES, count - i);
    floats lanes[LANES];
    for (int64_t n = 0; n < LANES; n++)
      lanes[n] = n < numbers ? sum_of_parts(parts, stride, sums + (i + n) * FRAMES) : splat(0);
    transpose_square(lanes);
    UNROLL for (int half = LANES / 2; half > 0; half /= 2)
      UNROLL for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    store_first(out + i, lanes[0], numbers);
  }
}
