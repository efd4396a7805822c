/// Layers on tiles of rows that lie in the lanes; what holds for all kernels stands in ckernels.h.
#ifndef CKERNELS_TILES_H
#define CKERNELS_TILES_H

#include <stdint.h>

/// Tiles of `ck_tile_width()` rows, each [features][width], the next one `stride` features further on; `values` is
/// where the first one's part begins that is meant.
typedef struct {
  float *values;
  int64_t stride;
} ck_tiles;

/// Rows of a tile: of the variant in use, 32 at most.
int64_t ck_tile_width(void);
/// x [rows, columns], a row every `x_stride` floats, into the first tiles of y; lanes without a row become 0.
void ck_tile_rows_in(int64_t rows, int64_t columns, const float *x, int64_t x_stride, const ck_tiles *y);
/// The other way round.
void ck_tile_rows_out(int64_t rows, int64_t columns, const ck_tiles *x, float *y, int64_t y_stride);
/// y = x·Wᵀ + bias, as ck_linear to the bit; or, `accumulate` ≠ 0, added to what y holds as one chain with it, as
/// ck_block_linear.
void ck_tile_linear(
    int64_t tiles, int64_t inputs, int64_t outputs, const ck_tiles *x, const float *w, const float *bias,
    const ck_tiles *y, int32_t accumulate);
/// In place, as ck_norm_silu to the bit.
void ck_tile_norm_silu(int64_t tiles, int64_t columns, float epsilon, const float *scale, const ck_tiles *y);
/// Gates of every block from its part of x, w [blocks, 3·size, size], bias [blocks, 3·size], and h moved by them: as
/// ck_block_linear and ck_block_gru to the bit.
void ck_tile_block_gru(
    int64_t tiles, int64_t blocks, int64_t size, const ck_tiles *x, const float *w, const float *bias,
    const ck_tiles *h);
/// y, one-hot in each of `latents` groups of `classes` features, by `draws` of as many features as latents: as
/// ck_one_hot_sample to the bit.
void ck_tile_one_hot_sample(
    int64_t tiles, int64_t latents, int64_t classes, float unimix, const ck_tiles *logits, const ck_tiles *draws,
    const ck_tiles *y);
/// What two-hot heads say of the first rows: as ck_two_hot_mean to the bit.
void ck_tile_two_hot_mean(int64_t rows, int64_t bins, const float *values, const ck_tiles *logits, float *mean);

#endif
