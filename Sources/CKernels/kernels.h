// What the instruction-set variants offer to the public functions: one table of kernels per variant.
#ifndef CK_KERNELS_H
#define CK_KERNELS_H

#include "ckernels.h"
#include "training_layout.h"

/// One block of a matrix product: out(m, n) = start(m, n) + Σ_k left(m, k)·right(k, n), one chain of fused
/// multiply-adds per element in ascending k; then y = activation(out).
typedef struct {
  int64_t rows, columns, depth;
  /// left(m, k) = left[m·left_row + k·left_depth]
  const float *left;
  int64_t left_row, left_depth;
  /// right(k, n) = right[k·right_stride + n], or right[n·right_stride + k] where `right_is_transposed`
  const float *right;
  int64_t right_stride;
  int32_t right_is_transposed;
  /// start(m, n) = start[m·start_stride + n]; NULL: 0. May be `out`.
  const float *start;
  int64_t start_stride;
  float *out, *y;
  int64_t out_stride;  ///< of `y`, too
  int32_t activation;  ///< identity: `y` is not written
} product;

/// Bias-corrected factors of an Adam step, computed once for all variants.
typedef struct {
  float gradient_scale, coupled_decay, keep;  ///< keep = 1 − learning_rate·decoupled_decay
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float rate;                ///< learning_rate/(1 − β₁ᵗ)
  float square_root_factor;  ///< 1/√(1 − β₂ᵗ)
  float epsilon;
} adam_factors;

/// The factors of a step, in double precision until the last rounding.
adam_factors ck_adam_factors(const ck_adam *adam);

/// Bias-corrected factors of a LaProp step.
typedef struct {
  float gradient_scale;
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float rate;           ///< learning_rate/(1 − β₁ᵗ)
  float square_factor;  ///< 1/(1 − β₂ᵗ)
  float epsilon;
} laprop_factors;

/// What becomes of a gradient once it is complete: written to `g`, or, where that is NULL, a step of the optimiser.
/// All are flat buffers of one layout.
typedef struct {
  adam_factors adam;
  float *p, *m, *v, *g;
  int32_t accumulates;  ///< `g` is added to
} weight_update;

typedef struct {
  void (*activation)(int32_t activation, int64_t count, const float *x, float *y);
  void (*activation_gradient)(
      int32_t activation, int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate);
  void (*unary)(int32_t function, int64_t count, const float *x, float *y);
  void (*multiply)(const product *block);
  /// sums[n] = (accumulate ? sums[n] : 0) + Σ_r x[r·stride + n], rows in ascending order
  void (*column_sums)(
      int64_t rows, int64_t columns, const float *x, int64_t stride, int32_t accumulate, float *sums);
  void (*adam_step)(const adam_factors *adam, int64_t count, float *p, const float *g, float *m, float *v);
  double (*sum)(int64_t count, const float *x);
  double (*sum_of_squares)(int64_t count, const float *x);
  int64_t (*first_nonfinite)(int64_t count, const float *x);
  void (*polyak)(int64_t count, float rate, const float *source, float *target);
  void (*normalize_rows)(
      int64_t rows, int64_t columns, float epsilon, const float *x, float *y, float *inverse);
  void (*normalize_rows_gradient)(
      int64_t rows, int64_t columns, const float *y, const float *inverse, const float *dy, float *dx,
      int32_t accumulate);
  void (*fill_normal)(uint64_t key, uint64_t stream, int64_t count, float *out);
  void (*fill_uniform)(uint64_t key, uint64_t stream, int64_t count, float low, float high, float *out);
  void (*fill_truncated_normal)(uint64_t key, uint64_t stream, int64_t count, float bound, float *out);
  void (*ensemble_step)(
      const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
      uint32_t first_identity, const ck_rows *rows, const ck_noise *noise, float *workspace);
  int64_t lanes;
  void (*training_forward)(const member_pass *pass, const float *parameters, int64_t tile);
  void (*training_backward)(const member_pass *pass, const float *parameters, int64_t tile);
  void (*training_inputs)(
      const member_pass *pass, const float *parameters, int64_t tile, int64_t first, int32_t accumulate, float *dx);
  void (*training_weights)(
      const member_pass *pass, const weight_update *update, int32_t layer, int64_t first, int64_t count);
  int64_t (*peak)(int64_t rounds, float *sink);
  void (*transpose)(
      int64_t rows, int64_t columns, const float *from, int64_t from_stride, float *to, int64_t to_stride,
      int64_t padded_rows);
  // As the public functions of the same names.
  void (*norm_silu)(
      int64_t rows, int64_t columns, float epsilon, const float *x, const float *scale, float *inverse, float *y);
  void (*norm_silu_gradient)(
      int64_t rows, int64_t columns, const float *x, const float *scale, const float *inverse, const float *dy,
      float *dx, int32_t accumulate, float *dscale);
  void (*block_gru)(int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, float *next);
  void (*block_gru_gradient)(
      int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, const float *dnext,
      float *dgates, int32_t accumulate_gates, float *dh, int32_t accumulate_h);
  void (*one_hot_sample)(
      int64_t groups, int64_t classes, float unimix, const float *logits, const float *draws, float *probabilities,
      float *sample);
  void (*softmax_gradient)(
      int64_t groups, int64_t classes, float factor, const float *p, const float *dy, float *dx, int32_t accumulate);
  void (*latent_kl)(
      int64_t rows, int64_t groups, int64_t classes, float unimix, const float *left, const float *right, float *kl,
      float *left_entropy, float *right_entropy, float *dleft, float *dright);
  void (*two_hot_mean)(int64_t rows, int64_t bins, const float *values, const float *logits, float *mean);
  void (*two_hot_loss)(
      int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
      float *loss, float *normalizer);
  void (*two_hot_loss_gradient)(
      int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
      const float *normalizer, const float *dloss, float *dlogits, int32_t accumulate);
  void (*laprop_step)(const laprop_factors *step, int64_t count, float *p, const float *g, float *m, float *v);
  // Of one tile, or of what is cut into tiles.
  void (*convolve)(const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y);
  void (*convolve_weight_gradient)(
      const ck_convolution *layer, const float *x, const float *dy, float *sums, float *bias_sums);
  void (*convolve_pool)(
      const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y, float *place);
  void (*convolve_pool_weight_gradient)(
      const ck_convolution *layer, const float *x, const float *dy, const float *place, float *sums,
      float *bias_sums);
  void (*convolve_unpooled)(
      const ck_convolution *layer, const float *dy, const float *place, const float *w, float *dx);
  void (*fold_frames)(int64_t parts, int64_t stride, int64_t count, const float *sums, float *out);
  void (*max_pool)(int64_t height, int64_t width, int64_t channels, const float *x, float *y, float *place);
  void (*max_pool_gradient)(
      int64_t height, int64_t width, int64_t channels, const float *dy, const float *place, float *dx);
  void (*upsample)(int64_t height, int64_t width, int64_t channels, const float *x, float *y);
  void (*upsample_gradient)(int64_t height, int64_t width, int64_t channels, const float *dy, float *dx);
  void (*channel_norm_silu)(
      int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale, float *inverse, float *y,
      float *slopes);
  void (*channel_norm_silu_gradient)(
      int64_t pixels, int64_t channels, const float *x, const float *scale, const float *inverse, const float *slopes,
      const float *dy, float *dx, float *scale_sums);
  void (*picture_frames)(int64_t count, int64_t size, const float *x, int64_t x_stride, float offset, float *y);
  void (*picture_loss)(
      int64_t count, int64_t size, const float *x, const float *bytes, int64_t stride, float *sums, float *slopes);
  void (*picture_loss_gradient)(
      int64_t size, const float *slopes, const float *dsums, float *dx, int32_t accumulate);
  // As the public functions of the same names, with the rows of a tile.
  void (*tile_linear)(
      int64_t tiles, int64_t width, int64_t inputs, int64_t outputs, const ck_tiles *x, const float *w,
      const float *bias, const ck_tiles *y, int32_t accumulate);
  void (*tile_norm_silu)(
      int64_t tiles, int64_t width, int64_t columns, float epsilon, const float *scale, const ck_tiles *y);
  void (*tile_block_gru)(
      int64_t tiles, int64_t width, int64_t blocks, int64_t size, const ck_tiles *x, const float *w,
      const float *bias, const ck_tiles *h);
  void (*tile_one_hot_sample)(
      int64_t tiles, int64_t width, int64_t latents, int64_t classes, float unimix, const ck_tiles *logits,
      const ck_tiles *draws, const ck_tiles *y);
  void (*tile_rows_in)(
      int64_t rows, int64_t width, int64_t columns, const float *x, int64_t x_stride, const ck_tiles *y);
  void (*tile_rows_out)(
      int64_t rows, int64_t width, int64_t columns, const ck_tiles *x, float *y, int64_t y_stride);
  void (*tile_two_hot_mean)(
      int64_t rows, int64_t width, int64_t bins, const float *values, const ck_tiles *logits, float *mean);
} kernel_table;

extern const kernel_table ck_kernels_portable;
#if defined(__x86_64__)
extern const kernel_table ck_kernels_avx2, ck_kernels_avx512;
/// As a table's `peak`, in products of pairs of bfloat16.
int64_t ck_bfloat16_peak_avx512(int64_t rounds, float *sink);
#endif

/// The kernels of the variant in use.
const kernel_table *ck_kernels(void);

/// The most inputs or outputs that a layer has.
static inline int32_t widest_layer(int32_t layers, const int32_t *widths) {
  int32_t widest = 0;
  for (int32_t layer = 0; layer <= layers; layer++)
    if (widths[layer] > widest) widest = widths[layer];
  return widest;
}

/// Memory of the calling thread for at least `count` floats, 64-byte aligned, valid until its next call.
float *ck_scratch(int64_t count);

#endif
