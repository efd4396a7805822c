// The public functions of pictures, which pass on to the variant in use, a tile at a time.
#include "kernels.h"

enum { FRAMES = 16 };

void ck_convolve(const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y) {
  ck_kernels()->convolve(layer, x, w, bias, y);
}

void ck_convolve_weight_gradient(
    const ck_convolution *layer, const float *x, const float *dy, float *sums, float *bias_sums) {
  ck_kernels()->convolve_weight_gradient(layer, x, dy, sums, bias_sums);
}

void ck_convolve_pool(
    const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y, float *place) {
  ck_kernels()->convolve_pool(layer, x, w, bias, y, place);
}

void ck_convolve_pool_weight_gradient(
    const ck_convolution *layer, const float *x, const float *dy, const float *place, float *sums, float *bias_sums) {
  ck_kernels()->convolve_pool_weight_gradient(layer, x, dy, place, sums, bias_sums);
}

void ck_convolve_unpooled(
    const ck_convolution *layer, const float *dy, const float *place, const float *w, float *dx) {
  ck_kernels()->convolve_unpooled(layer, dy, place, w, dx);
}

void ck_fold_frames(int64_t parts, int64_t stride, int64_t count, const float *sums, float *out) {
  ck_kernels()->fold_frames(parts, stride, count, sums, out);
}

void ck_upsample(int64_t height, int64_t width, int64_t channels, const float *x, float *y) {
  ck_kernels()->upsample(height, width, channels, x, y);
}

void ck_upsample_gradient(int64_t height, int64_t width, int64_t channels, const float *dy, float *dx) {
  ck_kernels()->upsample_gradient(height, width, channels, dy, dx);
}

/// What all tiles of one call have in common: the sizes of one of them, and where the first one's numbers are.
typedef struct {
  const kernel_table *kernels;
  int64_t height, width, channels;
  int64_t size;  ///< floats of a tile of x
  int64_t count, x_stride;
  float epsilon;
  const float *x, *scale, *inputs, *slopes_in, *dy;
  float *y, *outputs, *slopes;
  int32_t accumulate;
} picture_tiles;

/// Runs `body` for every tile; one alone is not worth waking a thread for.
static void run_tiles(ck_pool *pool, int64_t tiles, ck_task body, picture_tiles *all) {
  all->kernels = ck_kernels();
  ck_pool_run(tiles > 1 ? pool : NULL, tiles, body, all);
}

static void max_pool_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t at = tile * all->size / 4;
  all->kernels->max_pool(
      all->height, all->width, all->channels, all->x + tile * all->size, all->y + at, all->outputs + at);
}

void ck_max_pool(
    ck_pool *pool, int64_t tiles, int64_t height, int64_t width, int64_t channels, const float *x, float *y,
    float *place) {
  picture_tiles all = {
      .height = height, .width = width, .channels = channels, .size = height * width * channels * FRAMES, .x = x,
      .y = y, .outputs = place};
  run_tiles(pool, tiles, max_pool_tile, &all);
}

static void max_pool_gradient_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t at = tile * all->size / 4;
  all->kernels->max_pool_gradient(
      all->height, all->width, all->channels, all->dy + at, all->inputs + at, all->y + tile * all->size);
}

void ck_max_pool_gradient(
    ck_pool *pool, int64_t tiles, int64_t height, int64_t width, int64_t channels, const float *dy,
    const float *place, float *dx) {
  picture_tiles all = {
      .height = height, .width = width, .channels = channels, .size = height * width * channels * FRAMES, .dy = dy,
      .inputs = place, .y = dx};
  run_tiles(pool, tiles, max_pool_gradient_tile, &all);
}

static void norm_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t at = tile * all->size;
  all->kernels->channel_norm_silu(
      all->height, all->channels, all->epsilon, all->x + at, all->scale, all->outputs + tile * all->height * FRAMES,
      all->y + at, all->slopes ? all->slopes + at : NULL);
}

void ck_channel_norm_silu(
    ck_pool *pool, int64_t tiles, int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale,
    float *inverse, float *y, float *slopes) {
  picture_tiles all = {
      .height = pixels, .channels = channels, .size = pixels * channels * FRAMES, .epsilon = epsilon, .x = x,
      .scale = scale, .outputs = inverse, .y = y, .slopes = slopes};
  run_tiles(pool, tiles, norm_tile, &all);
}

static void norm_gradient_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t at = tile * all->size;
  all->kernels->channel_norm_silu_gradient(
      all->height, all->channels, all->x + at, all->scale, all->inputs + tile * all->height * FRAMES,
      all->slopes_in + at, all->dy + at, all->y + at, all->outputs + tile * all->channels * FRAMES);
}

void ck_channel_norm_silu_gradient(
    ck_pool *pool, int64_t tiles, int64_t pixels, int64_t channels, const float *x, const float *scale,
    const float *inverse, const float *slopes, const float *dy, float *dx, float *scale_sums) {
  picture_tiles all = {
      .height = pixels, .channels = channels, .size = pixels * channels * FRAMES, .x = x, .scale = scale,
      .inputs = inverse, .slopes_in = slopes, .dy = dy, .y = dx, .outputs = scale_sums};
  run_tiles(pool, tiles, norm_gradient_tile, &all);
}

static void frames_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t left = all->count - tile * FRAMES;
  all->kernels->picture_frames(
      left < FRAMES ? left : FRAMES, all->size, all->x + tile * FRAMES * all->x_stride, all->x_stride, all->epsilon,
      all->y + tile * all->size * FRAMES);
}

void ck_picture_frames(
    ck_pool *pool, int64_t count, int64_t size, const float *x, int64_t x_stride, float offset, float *y) {
  picture_tiles all = {.count = count, .size = size, .x = x, .x_stride = x_stride, .epsilon = offset, .y = y};
  run_tiles(pool, (count + FRAMES - 1) / FRAMES, frames_tile, &all);
}

static void loss_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t left = all->count - tile * FRAMES, at = tile * all->size * FRAMES;
  all->kernels->picture_loss(
      left < FRAMES ? left : FRAMES, all->size, all->x + at, all->inputs + tile * FRAMES * all->x_stride, all->x_stride,
      all->y + tile * FRAMES, all->slopes ? all->slopes + at : NULL);
}

void ck_picture_loss(
    ck_pool *pool, int64_t count, int64_t size, const float *x, const float *bytes, int64_t stride, float *sums,
    float *slopes) {
  picture_tiles all = {
      .count = count, .size = size, .x = x, .inputs = bytes, .x_stride = stride, .y = sums, .slopes = slopes};
  run_tiles(pool, (count + FRAMES - 1) / FRAMES, loss_tile, &all);
}

static void loss_gradient_tile(void *context, int64_t tile, int32_t worker) {
  const picture_tiles *all = context;
  (void)worker;
  const int64_t at = tile * all->size * FRAMES;
  all->kernels->picture_loss_gradient(
      all->size, all->x + at, all->dy + tile * FRAMES, all->y + at, all->accumulate);
}

void ck_picture_loss_gradient(
    ck_pool *pool, int64_t tiles, int64_t size, const float *slopes, const float *dsums, float *dx,
    int32_t accumulate) {
  picture_tiles all = {.size = size, .x = slopes, .dy = dsums, .y = dx, .accumulate = accumulate};
  run_tiles(pool, tiles, loss_gradient_tile, &all);
}
