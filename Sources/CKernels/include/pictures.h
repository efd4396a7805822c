/// Kernels for pictures; what holds for all kernels stands in ckernels.h.
#ifndef CKERNELS_PICTURES_H
#define CKERNELS_PICTURES_H

#include <stdint.h>

typedef struct ck_pool ck_pool;

// Sixteen pictures stand side by side: a tile is [height][width][channels][16] floats. What takes a pool takes any
// number of tiles, one behind the other, on its threads.

// MARK: - Convolutions of pictures

/// A convolution, stride 1, zeros beyond the border.
typedef struct {
  int64_t height, width, inputs, outputs;
  int64_t taps;            ///< on a side, odd
  int64_t x_step, y_step;  ///< rows of x, and of y, that lie from one that counts to the next: 1, or 2 for every other
  int32_t accumulates;     ///< whether the sums go on from what y holds, instead of from the bias
} ck_convolution;

/// One tile: x [height·x_step][width][inputs][16], w [taps][taps][inputs][outputs], bias [outputs] (NULL: 0) → y
/// [height·y_step][width][outputs][16]. With w turned round and its channels exchanged it is the gradient of the input.
void ck_convolve(const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y);
/// One tile, frame by frame: sums [taps][taps][inputs][outputs][16] and bias_sums [outputs][16] are added to.
void ck_convolve_weight_gradient(
    const ck_convolution *layer, const float *x, const float *dy, float *sums, float *bias_sums);
/// One tile of a convolution, of whose 2×2 pixels only the largest are kept, and which of the four, of equals the
/// first: y and place [height/2][width/2][outputs][16], to the bits of ck_convolve and ck_max_pool. Height and width
/// are even, both steps 1.
void ck_convolve_pool(
    const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y, float *place);
/// As ck_convolve_weight_gradient of what ck_max_pool_gradient makes of dy, to the bit.
void ck_convolve_pool_weight_gradient(
    const ck_convolution *layer, const float *x, const float *dy, const float *place, float *sums, float *bias_sums);
/// As ck_convolve of what ck_max_pool_gradient makes of dy [height/2][width/2][inputs][16], to the bit: the gradient of
/// the input, with w turned round and its channels exchanged.
void ck_convolve_unpooled(
    const ck_convolution *layer, const float *dy, const float *place, const float *w, float *dx);
/// out[i] = Σ over the parts, `stride` floats apart, of the 16 frames of their sums [count][16], in a fixed order.
void ck_fold_frames(int64_t parts, int64_t stride, int64_t count, const float *sums, float *out);

// MARK: - Around them

/// The largest of every 2×2 pixels, and which of the four, of equals the first; height and width are even.
void ck_max_pool(
    ck_pool *pool, int64_t tiles, int64_t height, int64_t width, int64_t channels, const float *x, float *y,
    float *place);
/// dx is set everywhere.
void ck_max_pool_gradient(
    ck_pool *pool, int64_t tiles, int64_t height, int64_t width, int64_t channels, const float *dy,
    const float *place, float *dx);
/// Every pixel of [height][width][channels][16] four times; any number of tiles, one below the other in `height`.
void ck_upsample(int64_t height, int64_t width, int64_t channels, const float *x, float *y);
/// dx is set everywhere.
void ck_upsample_gradient(int64_t height, int64_t width, int64_t channels, const float *dy, float *dx);
/// y = SiLU(x/√(mean x² over the channels + epsilon)·scale) of every pixel of [pixels][channels][16]; inverse
/// [pixels][16] gets the factor, and `slopes`, where they are wanted (else NULL), SiLU's derivatives.
void ck_channel_norm_silu(
    ck_pool *pool, int64_t tiles, int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale,
    float *inverse, float *y, float *slopes);
/// From what that gave: dx, which may be dy, is set; every tile's scale_sums [channels][16] are added to, frame by
/// frame.
void ck_channel_norm_silu_gradient(
    ck_pool *pool, int64_t tiles, int64_t pixels, int64_t channels, const float *x, const float *scale,
    const float *inverse, const float *slopes, const float *dy, float *dx, float *scale_sums);
/// Rows of bytes x [count][size], `x_stride` apart → ⌈count/16⌉ tiles y [size][16] = x/255 + offset; where there is no
/// picture, the offset.
void ck_picture_frames(
    ck_pool *pool, int64_t count, int64_t size, const float *x, int64_t x_stride, float offset, float *y);
/// sums [⌈count/16⌉][16] = Σ over the `size` places of x's tiles of (σ(x) − byte/255)², of rows of bytes as there, and
/// `slopes`, where they are wanted (else NULL), the derivatives by x; where there is no picture, of black ones.
void ck_picture_loss(
    ck_pool *pool, int64_t count, int64_t size, const float *x, const float *bytes, int64_t stride, float *sums,
    float *slopes);
/// dx is set, or added to, from those slopes and the sums' gradients dsums [tiles][16].
void ck_picture_loss_gradient(
    ck_pool *pool, int64_t tiles, int64_t size, const float *slopes, const float *dsums, float *dx,
    int32_t accumulate);

#endif
