// The public functions of layers on tiles of rows, which pass on to the variant in use.
#include "kernels.h"

int64_t ck_tile_width(void) {
  int64_t narrow = ck_kernels()->lanes;
  return narrow < 16 ? 16 : WIDEST_TILE;
}

void ck_tile_rows_in(int64_t rows, int64_t columns, const float *x, int64_t x_stride, const ck_tiles *y) {
  ck_kernels()->tile_rows_in(rows, ck_tile_width(), columns, x, x_stride, y);
}

void ck_tile_rows_out(int64_t rows, int64_t columns, const ck_tiles *x, float *y, int64_t y_stride) {
  ck_kernels()->tile_rows_out(rows, ck_tile_width(), columns, x, y, y_stride);
}

void ck_tile_linear(
    int64_t tiles, int64_t inputs, int64_t outputs, const ck_tiles *x, const float *w, const float *bias,
    const ck_tiles *y, int32_t accumulate) {
  ck_kernels()->tile_linear(tiles, ck_tile_width(), inputs, outputs, x, w, bias, y, accumulate);
}

void ck_tile_norm_silu(int64_t tiles, int64_t columns, float epsilon, const float *scale, const ck_tiles *y) {
  ck_kernels()->tile_norm_silu(tiles, ck_tile_width(), columns, epsilon, scale, y);
}

void ck_tile_block_gru(
    int64_t tiles, int64_t blocks, int64_t size, const ck_tiles *x, const float *w, const float *bias,
    const ck_tiles *h) {
  ck_kernels()->tile_block_gru(tiles, ck_tile_width(), blocks, size, x, w, bias, h);
}

void ck_tile_one_hot_sample(
    int64_t tiles, int64_t latents, int64_t classes, float unimix, const ck_tiles *logits, const ck_tiles *draws,
    const ck_tiles *y) {
  ck_kernels()->tile_one_hot_sample(tiles, ck_tile_width(), latents, classes, unimix, logits, draws, y);
}

void ck_tile_two_hot_mean(int64_t rows, int64_t bins, const float *values, const ck_tiles *logits, float *mean) {
  ck_kernels()->tile_two_hot_mean(rows, ck_tile_width(), bins, values, logits, mean);
}
