// What stands around the convolutions of pictures: sixteen pictures side by side in the lanes, as there.

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

// MARK: - Convolutions with pooling

/// One tile, of which the largest of every 2×2 pixels is kept: y and place [height/2][width/2][outputs][16], to the
/// bits of convolve_variant and max_pool_variant. Two rows at a time, which stay in the caches in between.
static void convolve_pool_variant(
    const ck_convolution *c, const float *x, const float *w, const float *bias, float *y, float *place) {
  const int64_t pooled_row = c->width / 2 * c->outputs * FRAMES;
  float *rows = ck_scratch(2 * y_row(c));
  for (int64_t row = 0; row < c->height; row += 2, y += pooled_row, place += pooled_row) {
    convolve_rows(c, row, row + 2, x, w, bias, rows - row * y_row(c));
    max_pool_variant(2, c->width, c->outputs, rows, y, place);
  }
}

/// The gradients of its weights and biases, to the bits of max_pool_gradient_variant and
/// convolve_weight_gradient_variant.
static void convolve_pool_weight_gradient_variant(
    const ck_convolution *c, const float *x, const float *dy, const float *place, float *sums, float *bias_sums) {
  const int64_t most_rows = rows_of_weights(c), taken = most_rows < 2 ? 2 : most_rows / 2 * 2;
  const int64_t pooled_row = c->width / 2 * c->outputs * FRAMES;
  float *slopes = ck_scratch(taken * y_row(c));
  for (int64_t row = 0; row < c->height; row += taken) {
    const int64_t end = smaller_of(row + taken, c->height), at = row / 2 * pooled_row;
    max_pool_gradient_variant(end - row, c->width, c->outputs, dy + at, place + at, slopes);
    for (int64_t first = row; first < end; first += most_rows)
      weight_rows(c, first, smaller_of(first + most_rows, end), x, slopes - row * y_row(c), sums, bias_sums);
  }
}

/// The gradient of what it saw: `c` is the convolution on the way back, of which the gradients dy and places
/// [height/2][width/2][inputs][16] are what goes in, to the bits of max_pool_gradient_variant and convolve_variant.
static void convolve_unpooled_variant(
    const ck_convolution *c, const float *dy, const float *place, const float *w, float *dx) {
  float *slopes = ck_scratch(c->height * c->width * c->inputs * FRAMES);
  max_pool_gradient_variant(c->height, c->width, c->inputs, dy, place, slopes);
  convolve_rows(c, 0, c->height, slopes, w, NULL, dx);
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
/// inverse [pixels][16], and where they are wanted the slopes of SiLU, like y.
static void channel_norm_silu_variant(
    int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale, float *inverse, float *y,
    float *slopes) {
  const floats share = splat(1 / (float)channels);
  for (int64_t pixel = 0; pixel < pixels; pixel++, inverse += FRAMES) {
    for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
      const int64_t at = pixel * channels * FRAMES + lane;
      floats squares = splat(0);
      for (int64_t c = 0; c < channels; c++) {
        const floats value = load(x + at + c * FRAMES);
        squares = fmadd(value, value, squares);
      }
      const floats factor = splat(1) / __builtin_elementwise_sqrt(fmadd(squares, share, splat(epsilon)));
      store(inverse + lane, factor);
      for (int64_t c = 0; c < channels; c++) {
        floats value, slope;
        silu_with_derivative(load(x + at + c * FRAMES) * factor * splat(scale[c]), &value, &slope);
        store(y + at + c * FRAMES, value);
        if (slopes) store(slopes + at + c * FRAMES, slope);
      }
    }
  }
}

/// dx, which may be dy, is set; scale_sums [channels][16] added to.
static void channel_norm_silu_gradient_variant(
    int64_t pixels, int64_t channels, const float *x, const float *scale, const float *inverse, const float *slopes,
    const float *dy, float *dx, float *scale_sums) {
  const floats share = splat(1 / (float)channels);
  for (int64_t pixel = 0; pixel < pixels; pixel++, inverse += FRAMES) {
    for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
      const int64_t at = pixel * channels * FRAMES + lane;
      const floats factor = load(inverse + lane);
      floats projection = splat(0);
      for (int64_t c = 0; c < channels; c++) {
        const floats n = load(x + at + c * FRAMES) * factor;
        floats d = load(dy + at + c * FRAMES) * load(slopes + at + c * FRAMES);
        float *sum = scale_sums + c * FRAMES + lane;
        store(sum, fmadd(d, n, load(sum)));
        d *= splat(scale[c]);
        projection = fmadd(d, n, projection);
        store(dx + at + c * FRAMES, d);
      }
      projection *= share;
      for (int64_t c = 0; c < channels; c++) {
        const floats n = load(x + at + c * FRAMES) * factor;
        store(dx + at + c * FRAMES, fmadd(-n, projection, load(dx + at + c * FRAMES)) * factor);
      }
    }
  }
}

// MARK: - Bytes in, loss out

/// Places of sixteen pictures that are turned at a time, so that they stay in the first-level cache.
enum { TURNED_PLACES = 64 };

/// x/255 to the divider's bit: the quotient by the reciprocal, and what that leaves over.
INLINE floats of_255(floats x) {
  const floats reciprocal = splat(1 / 255.0f), quotient = x * reciprocal;
  return fmadd(fmadd(-quotient, splat(255), x), reciprocal, quotient);
}

/// Up to sixteen pictures of bytes, a row each, side by side: y [size][16] = x/255 + offset, 0 where there is none.
static void picture_frames_variant(
    int64_t count, int64_t size, const float *x, int64_t x_stride, float offset, float *y) {
  for (int64_t place = 0; place < size; place += TURNED_PLACES) {
    const int64_t places = smaller_of(TURNED_PLACES, size - place);
    float *to = y + place * FRAMES;
    transpose(count, places, x + place, x_stride, to, FRAMES, FRAMES);
    for (int64_t i = 0; i < places * FRAMES; i += LANES) store(to + i, of_255(load(to + i)) + splat(offset));
  }
}

/// sums [16] = Σ over the places of (σ(x) − byte/255)², in ascending order, and the slopes by x. The byte is multiplied
/// by the reciprocal within one fused product: a rounding less than the quotient and a difference would have.
static void picture_loss_variant(
    int64_t count, int64_t size, const float *x, const float *bytes, int64_t stride, float *sums, float *slopes) {
  float turned[TURNED_PLACES * FRAMES];
  memset(sums, 0, FRAMES * sizeof *sums);
  for (int64_t place = 0; place < size; place += TURNED_PLACES, x += TURNED_PLACES * FRAMES) {
    const int64_t places = smaller_of(TURNED_PLACES, size - place);
    transpose(count, places, bytes + place, stride, turned, FRAMES, FRAMES);
    for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
      floats sum = load(sums + lane);
      for (int64_t i = lane; i < places * FRAMES; i += FRAMES) {
        const floats said = activate(CK_SIGMOID, load(x + i)), gap = fmadd(load(turned + i), splat(-1 / 255.0f), said);
        sum = fmadd(gap, gap, sum);
        if (slopes) store(slopes + place * FRAMES + i, splat(2) * gap * (said * (splat(1) - said)));
      }
      store(sums + lane, sum);
    }
  }
}

/// dx = the sum's gradient of every frame, [16], times the slopes; or added to what is there.
static void picture_loss_gradient_variant(
    int64_t size, const float *slopes, const float *dsums, float *dx, int32_t accumulate) {
  for (int64_t lane = 0; lane < FRAMES; lane += LANES) {
    const floats factor = load(dsums + lane);
    for (int64_t i = lane; i < size * FRAMES; i += FRAMES) {
      const floats d = factor * load(slopes + i);
      store(dx + i, accumulate ? load(dx + i) + d : d);
    }
  }
}
