/// Kernels for pictures; what holds for all kernels stands in ckernels.h.
#ifndef CKERNELS_PICTURES_H
#define CKERNELS_PICTURES_H

#include <stdint.h>

// MARK: - Convolutions of pictures

/// A 5×5 convolution, stride 1, zeros beyond the border.
typedef struct {
  int64_t height, width, inputs, outputs;
} ck_convolution;

// Sixteen pictures stand side by side: a tile is [height][width][channels][16] floats.

/// One tile: x [height][width][inputs][16], w [5][5][inputs][outputs], bias [outputs] (NULL: 0) → y. With w turned
/// round and its channels exchanged it is the gradient of the input.
void ck_convolve(const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y);
/// One tile, frame by frame: sums [5][5][inputs][outputs][16] and bias_sums [outputs][16] are added to.
void ck_convolve_weight_gradient(
    const ck_convolution *layer, const float *x, const float *dy, float *sums, float *bias_sums);
/// out[i] += Σ of the 16 frames of sums [count][16], in a fixed order.
void ck_fold_frames(int64_t count, const float *sums, float *out);
/// The largest of every 2×2 pixels, and which of the four, of equals the first; any number of tiles, one below the
/// other in `height`, which is even as `width` is.
void ck_max_pool(int64_t height, int64_t width, int64_t channels, const float *x, float *y, float *place);
/// dx is set everywhere.
void ck_max_pool_gradient(
    int64_t height, int64_t width, int64_t channels, const float *dy, const float *place, float *dx);
/// Every pixel of [height][width][channels][16] four times; tiles as above.
void ck_upsample(int64_t height, int64_t width, int64_t channels, const float *x, float *y);
/// dx is set everywhere.
void ck_upsample_gradient(int64_t height, int64_t width, int64_t channels, const float *dy, float *dx);
/// y = SiLU(x/√(mean x² over the channels + epsilon)·scale) of every pixel of [pixels][channels][16];
/// inverse [pixels][16] gets the factor.
void ck_channel_norm_silu(
    int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale, float *inverse, float *y);
/// dx is set; scale_sums [channels][16] are added to, frame by frame.
void ck_channel_norm_silu_gradient(
    int64_t pixels, int64_t channels, const float *x, const float *scale, const float *inverse, const float *dy,
    float *dx, float *scale_sums);

#endif
